"""What `spock doctor` finds, on real folders and stores."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from adapters.breaker import Breaker
from adapters.kis.errors import KeysRefused
from adapters.kis.token import IssuedToken, Tokens
from adapters.limiter import Limit, Limiter
from adapters.sandbox.control import report, set_clock
from adapters.sandbox.server import Sandbox
from pipeline import doctor, settings
from pipeline.doctor import Finding
from pipeline.doctor.machine import LIBRARIES
from pipeline.errors import Unavailable
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


def test_a_key_of_another_length_is_wrong_and_its_characters_are_counted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIS_APP_KEY", "k" * 35)
    monkeypatch.setenv("KIS_APP_SECRET", "s" * 180)
    (wrong,) = [finding for finding in found("keys") if finding.state == "wrong"]
    assert "KIS_APP_KEY (env) has 35 characters, not 36" in wrong.words
    assert "KIS_APP_SECRET (env) has" not in wrong.words
    assert "kkk" not in wrong.words + wrong.todo


def test_keys_of_their_length_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_APP_KEY", "k" * 36)
    monkeypatch.setenv("KIS_APP_SECRET", "s" * 180)
    (finding,) = [finding for finding in found("keys") if finding.words.startswith("kis")]
    assert finding.state == "ok"


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


# ---- what is allowed, what is on ----


def test_every_provider_of_settings_has_an_allowed_use_with_its_source_and_day() -> None:
    packaged = ROOT / "pipeline" / "doctor" / "allowed_use.toml"
    table = tomllib.loads(packaged.read_text(encoding="utf-8"))
    providers = tomllib.loads((ROOT / "pipeline" / "base.toml").read_text(encoding="utf-8"))["providers"]
    assert set(table) == set(providers)
    for entry in table.values():
        assert {name: type(value) for name, value in entry.items()} == {
            "use": str,
            "redistribution": str,
            "source": str,
            "read": dt.date,
        }
        assert entry["redistribution"] in ("yes", "no", "not stated")
        assert entry["use"]
        assert entry["source"]


def test_allowed_use_is_told_for_every_provider_that_is_asked() -> None:
    findings = found("allowed use")
    chains = [settings.get_config(region).chain for region in settings.available_regions()]
    asked = {name for chain in chains for names in chain.values() for name in names}
    assert {finding.words.partition(":")[0] for finding in findings} == asked
    assert {finding.state for finding in findings} == {"ok"}
    assert "handing it on: no" in next(finding.words for finding in findings if finding.words.startswith("polygon"))


def test_regions_that_are_on_are_told() -> None:
    assert only("regions").words == "live KR US CN HK JP VN AU UK EU"


def test_the_homes_own_status_of_a_region_counts(home: Path) -> None:
    state = State(home)
    state.set_region_status("US", "off", "tried")
    state.close()
    assert only("regions").words == "live KR CN HK JP VN AU UK EU; off US"


def test_a_region_that_is_on_without_an_adapter_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_REGIONS__UK__CHAIN__HISTORY", '["polygon"]')
    (wrong,) = [finding for finding in found("regions") if finding.state == "wrong"]
    assert wrong.words.startswith("UK is live, but for polygon")


def test_a_ticker_of_settings_that_no_list_shows_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("watchlist") == []
    listed = [*settings.get_config("KR").watchlist, *settings.get_config("KR").banks]
    with fill(home, "live").write() as connection:
        for ticker in dict.fromkeys(listed[1:]):
            connection.execute(
                "INSERT INTO instruments BY NAME SELECT 'KR' AS region, $1 AS ticker, DATE '2026-11-20' AS valid_from, "
                "'XKRX' AS venue, 'common' AS security_type, TRUE AS is_primary, 'KRW' AS currency, TRUE AS followed, "
                "'kis' AS provider, $2 AS seen_at, $2 AS known_at, 'r' AS run_id",
                [ticker, NOW],
            )
    finding = only("watchlist")
    assert (finding.state, finding.words.partition(" of ")[0]) == ("notice", f"KR: no list shows {listed[0]}")


# ---- what the machine shares ----


def machine_words(check: str) -> list[str]:
    return [finding.words for finding in found(check)]


def test_slots_of_all_processes_are_counted_by_key_hash(tmp_path: Path) -> None:
    (words,) = machine_words("shared limits")
    assert words == f"{tmp_path / 'machine' / 'limits.sqlite'}: nothing was asked from this machine yet"
    limiter = Limiter(tmp_path / "machine", "kis:0123456789abcdef", [Limit(1000, 60.0)])
    for _ in range(3):
        limiter.acquire()
    (words,) = machine_words("shared limits")
    assert words.startswith("requests of all processes: kis:0123456789abcdef ")
    assert words.endswith("3 in the last minute")


def test_what_was_asked_before_the_machine_started_is_not_counted(tmp_path: Path) -> None:
    Limiter(tmp_path / "machine", "kis:0123456789abcdef", [Limit(1000, 60.0)]).acquire()
    path = tmp_path / "machine" / "limits.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("UPDATE machine SET boot = 'an older one'")
    assert machine_words("shared limits") == [f"{path}: nothing was asked since the machine started"]


def test_a_slow_down_in_force_is_told(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path / "machine", "kis:0123456789abcdef", [Limit(1000, 60.0)])
    limiter.acquire()
    limiter.complain(pause=60.0)
    (notice,) = [finding for finding in found("shared limits") if finding.state == "notice"]
    assert "too fast; asked at 70% of the limit" in notice.words


def test_an_open_breaker_is_told_with_its_reason(tmp_path: Path) -> None:
    breaker = Breaker(tmp_path / "machine", "kis:0123456789abcdef:host", "history", 2, 30.0)
    breaker.failure("HTTP 503")
    assert found("breaker") == []
    breaker.failure("HTTP 503")
    finding = only("breaker")
    assert (finding.state, "history" in finding.words, "HTTP 503" in finding.words) == ("notice", True, True)


def test_a_damaged_file_of_limits_is_told_and_left(tmp_path: Path) -> None:
    (tmp_path / "machine").mkdir()
    path = tmp_path / "machine" / "limits.sqlite"
    path.write_bytes(b"no database at all" * 100)
    assert only("shared limits").state == "wrong"
    assert path.read_bytes() == b"no database at all" * 100


def test_a_token_is_told_by_its_age_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(
        tmp_path / "machine" / "tokens",
        app_key="k" * 36,
        app_secret="s" * 180,
        host="https://host.example",
        issue=lambda: IssuedToken("eyJhbGciOi-the-token", 86_400),
    )
    tokens.token()
    # A token dies by the real clock, whatever the commands take for now.
    monkeypatch.setenv("SPOCK_NOW", "2027-06-01T12:00:00Z")
    finding = only("token")
    minute = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert finding.state == "ok"
    assert re.fullmatch(f"{tokens.path.stem}: issued {minute}, ends {minute} UTC", finding.words)
    assert "eyJ" not in "".join(one.words + one.todo for one in doctor.examine())


def test_refused_keys_are_told_with_the_providers_words(tmp_path: Path) -> None:
    def issue() -> IssuedToken:
        raise KeysRefused("kis /oauth2/tokenP: EGW00103")

    tokens = Tokens(tmp_path / "machine" / "tokens", app_key="k", app_secret="s", host="https://host.example", issue=issue)
    with pytest.raises(Unavailable):
        tokens.token()
    assert (only("token").state, "EGW00103" in only("token").words) == ("wrong", True)


# ---- clock and calendars ----


def test_without_a_sandbox_the_clock_is_not_compared() -> None:
    assert only("clock").state == "notice"


def test_a_running_sandbox_is_compared_and_a_frozen_one_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("KR",), tickers=2) as sandbox:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
        running = only("clock")
        set_clock(sandbox.url, NOW)
        frozen = only("clock")
    assert (running.state, running.words) == ("ok", "within 5 s of the sandbox")
    assert (frozen.state, frozen.words) == ("ok", "the sandbox holds 2026-11-20 12:00 UTC (frozen)")


def test_a_sandbox_that_does_not_answer_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("KR",), tickers=2) as sandbox:
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


def test_days_left_of_a_calendar_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_NOW", "2026-12-31T12:00:00Z")
    assert "KR: XKRX is known until 2027-12-31, 365 days from now" in [finding.words for finding in found("calendar")]


@pytest.fixture
def told_time() -> Iterator[Callable[[dt.timedelta | None], str]]:
    """Starts file servers that know nothing but their time, so much later than ours (None: not even that)."""
    with ExitStack() as stack:

        def begin(later: dt.timedelta | None) -> str:
            def head(request: BaseHTTPRequestHandler) -> None:
                request.send_response_only(404)
                if later is not None:
                    request.send_header("Date", format_datetime(dt.datetime.now(dt.UTC) + later, usegmt=True))
                request.end_headers()

            silent = {"do_HEAD": head, "log_message": lambda *_: None}
            handler = type("OnlyTime", (BaseHTTPRequestHandler,), silent)
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/common/master/"

        yield begin


def online() -> list[Finding]:
    """What comparing with the providers adds to the clock's findings."""
    without = doctor.examine()
    return [finding for finding in doctor.examine(online=True) if finding.check == "clock" and finding not in without]


@pytest.mark.parametrize(
    ("later", "state", "words"), [(0, "ok", ""), (3600, "wrong", "s behind"), (-3600, "wrong", "s ahead of")]
)
def test_the_clock_is_compared_with_a_provider_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, told_time: Callable[[dt.timedelta | None], str], later: int, state: str, words: str
) -> None:
    monkeypatch.setenv("SPOCK_PROVIDERS__KIS__FILES_URL", told_time(dt.timedelta(seconds=later)))
    (finding,) = online()
    assert (finding.state, words in finding.words, bool(finding.todo)) == (state, True, state != "ok")


def test_a_provider_that_does_not_tell_its_time_is_told(
    monkeypatch: pytest.MonkeyPatch, told_time: Callable[[dt.timedelta | None], str]
) -> None:
    monkeypatch.setenv("SPOCK_PROVIDERS__KIS__FILES_URL", told_time(None))
    assert [finding.state for finding in online()] == ["notice"]


def test_a_provider_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_PROVIDERS__KIS__FILES_URL", "http://127.0.0.1:9/")
    (finding,) = online()
    assert (finding.state, "does not answer" in finding.words) == ("notice", True)


def test_against_a_sandbox_its_file_server_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("KR",), tickers=2) as sandbox:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
        doctor.examine()
        assert report(sandbox.url)["by_path"] == {}
        states = [finding.state for finding in doctor.examine(online=True) if finding.check == "clock"]
        assert (states, sum(report(sandbox.url)["by_path"].values())) == (["ok", "ok"], 1)


# ---- the store ----


def test_a_store_tells_schema_origin_and_size(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(fill(home, "live"))
    store, replica = only("store"), only("replica")
    assert store.state == replica.state == "ok"
    newest = max(int(path.name[:4]) for path in (ROOT / "migrations" / "store").glob("*.sql"))
    assert f"schema {newest}, live, " in store.words
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
