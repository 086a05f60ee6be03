"""What `spock doctor` finds, on real folders and stores."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from adapters.sandbox.control import set_clock
from adapters.sandbox.server import Sandbox
from pipeline import doctor, settings
from pipeline.doctor import Finding
from pipeline.doctor.machine import LIBRARIES
from pipeline.state import State
from pipeline.store import Store

ROOT = Path(__file__).resolve().parents[2]
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and state folder, no variable of ours, no key."""
    for name in [*(key for key in os.environ if key.startswith("SPOCK_")), "CREDENTIALS_DIRECTORY"]:
        monkeypatch.delenv(name, raising=False)
    for name in ("KIS_APP_KEY", "KIS_APP_SECRET", "POLYGON_API_KEY", "MARKETAUX_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("SPOCK_HOME", str(folder))
    monkeypatch.setenv("SPOCK_STATE_DIR", str(tmp_path / "machine"))
    # A checkout of its own, so that the developer's .env is not looked at.
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("sql", "migrations"):
        (checkout / name).symlink_to(ROOT / name)
    monkeypatch.setattr("pipeline.resources.checkout_root", lambda: checkout)
    settings.clear_cache()
    yield folder
    settings.clear_cache()


def found(check: str) -> list[Finding]:
    return [finding for finding in doctor.examine() if finding.check == check]


def only(check: str) -> Finding:
    findings = found(check)
    assert len(findings) == 1, findings
    return findings[0]


def fill(home: Path, origin: str = "sandbox") -> Store:
    store = Store(home)
    with store.write() as connection:
        connection.execute("INSERT INTO store_origin VALUES ($1, $2, 'KR-night-2026-11-20')", [origin, NOW])
    return store


def publish(store: Store) -> None:
    info = {"published_at": [dt.datetime.now(dt.UTC)], "as_of": [NOW], "run_id": ["KR-night-2026-11-20"]}
    state = State(store.home)
    store.publish({**state.operations(), "replica_info": pa.table(info)})
    state.close()


def commit(store: Store, batch_id: str) -> None:
    with store.write() as connection:
        connection.execute(
            "INSERT INTO commits VALUES ($1, 'r', 'KR', NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, $2)", [batch_id, NOW]
        )


# ---- the whole ----


def test_an_empty_home_has_nothing_wrong_and_stays_empty(home: Path) -> None:
    findings = doctor.examine()
    assert [finding for finding in findings if finding.state == "wrong"] == []
    assert list(home.iterdir()) == []


def test_whatever_is_not_ok_says_what_to_do(home: Path) -> None:
    assert [finding for finding in doctor.examine() if finding.state != "ok" and not finding.todo] == []


def test_the_command_ends_with_1_where_something_is_wrong(home: Path) -> None:
    (home / "spock.duckdb").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    command = [sys.executable, "-m", "pipeline.cli", "doctor", "--format", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 1, ended.stderr
    assert "wrong" in {row["state"] for row in json.loads(ended.stdout) if row["check"] == "store"}


def test_the_libraries_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {"".join(c if c.isalnum() or c in "-_" else " " for c in text).split()[0] for text in project["dependencies"]}
    assert set(LIBRARIES) == names


# ---- folders and keys ----


def test_a_home_that_is_a_file_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "file"))
    assert only("home").state == "wrong"


def test_a_home_that_is_not_there_yet_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "a" / "b"))
    assert only("home").words.endswith("will be made when it is needed")
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_home_that_can_not_be_entered_is_told_alone(home: Path) -> None:
    home.chmod(0)
    try:
        findings = doctor.examine()
    finally:
        home.chmod(0o700)
    assert [finding.check for finding in findings if finding.state == "wrong"] == ["home"]


def test_a_full_disk_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    assert only("disk").state == "wrong"


def test_keys_are_named_and_never_shown(home: Path) -> None:
    path = home / ".env"
    path.write_text("KIS_APP_KEY=PSsecretvalue0123\n", encoding="utf-8")
    path.chmod(0o600)
    words = "\n".join(f"{finding.words} {finding.todo}" for finding in doctor.examine())
    assert f"KIS_APP_KEY set ({path}), KIS_APP_SECRET missing" in words
    assert "PSsecretvalue0123" not in words


def test_a_readable_env_file_is_wrong(home: Path) -> None:
    path = home / ".env"
    path.write_text("KIS_APP_KEY=x\n", encoding="utf-8")
    path.chmod(0o644)
    assert (only(".env").state, only(".env").todo) == ("wrong", f"chmod 600 {path}")


def test_limits_are_told_per_provider() -> None:
    assert "kis (real): at most 18 in 1 s and 1,000 in 60 s" in [finding.words for finding in found("limits")]


def test_a_setting_that_can_not_be_taken_is_wrong(home: Path) -> None:
    (home / "settings.toml").write_text("[regions.KR.collect]\ncoverage_treshold = 1\n", encoding="utf-8")
    assert "collect.coverage_treshold" in only("settings").words
    assert only("settings").state == "wrong"


# ---- clock and calendars ----


def test_without_a_sandbox_the_clock_is_not_compared() -> None:
    assert only("clock").state == "notice"


def test_a_running_sandbox_is_compared_and_a_frozen_one_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(tickers=2) as sandbox:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
        running = only("clock")
        set_clock(sandbox.url, NOW)
        frozen = only("clock")
    assert (running.state, running.words) == ("ok", "within 5 s of the sandbox")
    assert (frozen.state, frozen.words) == ("ok", "the sandbox holds 2026-11-20 12:00 UTC (frozen)")


def test_a_sandbox_that_does_not_answer_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(tickers=2) as sandbox:
        url = sandbox.url
    monkeypatch.setenv("SPOCK_SANDBOX_URL", url)
    assert only("clock").state == "wrong"


@pytest.mark.parametrize(
    ("now", "state"),
    [("2026-11-20T12:00:00Z", "ok"), ("2027-12-01T12:00:00Z", "notice"), ("2028-01-05T12:00:00Z", "wrong")],
)
def test_the_end_of_a_calendar_is_told_in_time(monkeypatch: pytest.MonkeyPatch, now: str, state: str) -> None:
    monkeypatch.setenv("SPOCK_NOW", now)
    assert [finding.state for finding in found("calendar") if finding.words.startswith("KR: XKRX")] == [state]


def test_a_region_without_a_calendar_is_told() -> None:
    told = {finding.words.partition(":")[0] for finding in found("calendar") if finding.state == "notice"}
    assert "US" in told
    assert "KR" not in told


# ---- the store ----


def test_a_store_tells_schema_origin_and_size(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(fill(home, "live"))
    store, replica = only("store"), only("replica")
    assert store.state == replica.state == "ok"
    assert "schema 1, live, " in store.words
    assert replica.words == "as of 2026-11-20 12:00 UTC, published 0 min ago"
    assert found("origin") == []


def test_a_store_of_the_other_origin_is_told(home: Path) -> None:
    fill(home, "sandbox")
    assert only("origin").words == "the store holds sandbox rows and refuses live ones"


def test_a_replica_older_than_the_store_is_told(home: Path) -> None:
    store = fill(home)
    publish(store)
    commit(store, "b1")
    assert only("replica").words.endswith("1 batches are newer")


def test_a_store_that_was_never_published_is_told(home: Path) -> None:
    fill(home)
    assert (only("replica").state, only("replica").todo) == ("notice", "run `spock publish`")


def test_a_key_that_stands_twice_is_wrong(home: Path) -> None:
    store = fill(home)
    with store.write() as connection:
        for _ in range(2):
            connection.execute(
                "INSERT INTO index_bars BY NAME SELECT 'KR' AS region, 'KOSPI' AS index_code, $1::DATE AS date, 1 AS close, "
                "'KRW' AS currency, 'kis' AS provider, 'final' AS finality, $1 AS known_at, 'r' AS run_id",
                [NOW],
            )
    assert [finding.words for finding in found("store")][1:] == [
        "1 keys stand more than once in index_bars: nothing can be published"
    ]


def test_a_foreign_file_in_the_stores_place_is_wrong(home: Path) -> None:
    duckdb.connect(str(home / "spock.duckdb")).close()
    assert only("store").state == "wrong"


def test_a_run_that_was_cut_off_is_told(home: Path) -> None:
    state = State(home)
    day = dt.date(2026, 11, 20)
    state.begin_run(
        "KR-night-2026-11-20", kind="night", region="KR", first_session=day, target_session=day, origin="sandbox", as_of=NOW
    )
    state.close()
    assert only("state").words.endswith("last run KR-night-2026-11-20: running")


def test_leftovers_of_killed_commands_are_told(home: Path) -> None:
    (home / "replica-3.draft").write_bytes(b"")
    (home / "runs" / "r").mkdir(parents=True)
    (home / "runs" / "r" / "r.1.000001.draft").write_bytes(b"")
    (home / "spock.duckdb.20261120T000000.wal.aside").write_bytes(b"")
    assert [(Path(finding.words.partition(":")[0]).name, finding.state) for finding in found("leftovers")] == [
        ("replica-3.draft", "notice"),
        ("r.1.000001.draft", "notice"),
        ("spock.duckdb.20261120T000000.wal.aside", "notice"),
    ]


# ---- `spock config show` as a table ----


def test_settings_flatten_to_dotted_paths() -> None:
    described = {"a": {"b": [1, 2], "c": None, "d": {}}, "e": [{"f": True}, {"f": "x"}], "g": []}
    assert settings.flattened(described) == [
        ("a.b", "1, 2"),
        ("a.c", ""),
        ("a.d", ""),
        ("e.0.f", "true"),
        ("e.1.f", "x"),
        ("g", ""),
    ]


def test_a_regions_settings_flatten_to_plain_texts() -> None:
    rows = dict(settings.flattened(settings.describe("KR")))
    assert rows["venues.1.mic"] == "XKOS"
    assert rows["providers.kis.hosts.real.limits.1.requests"] == "1000"
    assert [path for path, text in rows.items() if text[:1] in "{[" and text and path != "ticker_patterns"] == []
