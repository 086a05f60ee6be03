"""What people type wrong ends in words that name the value, where it came from and what to do; nothing is sent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import control
from pipeline import calendars

NightHome = Callable[..., tuple[Any, Any]]
KEY = "SANDBOX-".ljust(36, "0")
SECRET = "SANDBOX-SECRET-".ljust(180, "0")
#: The commands that work on regions.
ON_REGIONS = [("nightly",), ("plan",), ("backfill", "--days", "3")]


def refused(done: Any, *words: str, code: int = 2) -> None:
    """The command ended with `code`, said all `words` on stderr, and printed nothing else."""
    assert (done.code, done.out) == (code, ""), done.err
    assert [word for word in words if word not in done.words] == [], done.words
    assert "Traceback" not in done.err


@pytest.fixture(scope="module")
def pointed(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[tuple[Any, Any]]:
    """A home without a store, pointed at a sandbox that nobody may ask for data."""
    folder = tmp_path_factory.mktemp("bad-input")
    with tools.sandbox(now=tools.now, enforce_limits=False) as server:
        yield tools.home(folder / "home", folder / "machine", {"SPOCK_SANDBOX_URL": server.url}), server
        assert control.report(server.url)["by_path"] == {}
        assert not (folder / "home" / "spock.duckdb").exists()


# regions ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["KRR", "", "*", "K R", "005930", "../KR"])
@pytest.mark.parametrize("command", [*ON_REGIONS, ("config", "show")], ids=" ".join)
def test_an_unknown_region_is_named_with_the_known_ones(
    pointed: tuple[Any, Any], command: tuple[str, ...], region: str
) -> None:
    refused(pointed[0].inside(*command, region), f"unknown region {region!r}", "KR, US, CN", "korea")


def test_one_unknown_region_among_known_ones_stops_all(pointed: tuple[Any, Any]) -> None:
    refused(pointed[0].inside("nightly", "KR", "MARS"), "unknown region 'MARS'")


def test_runs_of_an_unknown_region_are_refused(pointed: tuple[Any, Any]) -> None:
    refused(pointed[0].inside("runs", "--region", "mars"), "unknown region 'mars'", "KR, US")


@pytest.mark.parametrize("command", ON_REGIONS, ids=" ".join)
def test_a_region_that_is_off_says_how_to_switch_it_on(pointed: tuple[Any, Any], command: tuple[str, ...]) -> None:
    done = pointed[0].inside(*command, "kr", SPOCK_REGIONS__KR__STATUS="off")
    refused(done, "region KR is off", "SPOCK_REGIONS__KR__STATUS=test", "settings.toml")


@pytest.mark.parametrize("command", ON_REGIONS, ids=" ".join)
def test_a_region_without_a_calendar_is_refused(
    pointed: tuple[Any, Any], command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every region has its calendars; a region of somebody's own settings may come without.
    shutil.copy(calendars.FOLDER / "XKRX.csv", tmp_path)
    monkeypatch.setattr(calendars, "FOLDER", tmp_path)
    done = pointed[0].inside(*command, "jp", SPOCK_REGIONS__JP__STATUS="test")
    refused(done, "region JP is test", "no calendar for XTKS", "leave the region off")


@pytest.mark.parametrize("command", ["nightly", "plan", "backfill"])
def test_a_command_without_a_region_says_what_is_missing(pointed: tuple[Any, Any], command: str) -> None:
    done = pointed[0].inside(command)
    assert (done.code, "REGION" in done.err) == (2, True)


# dates --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["nightly", "plan"])
@pytest.mark.parametrize(
    ("region", "day", "words"),
    [
        ("KR", "2026-11-22", ("--date 2026-11-22", "closed that day", "before is 2026-11-20", "next 2026-11-23")),
        ("kr", "2026-12-25", ("--date 2026-12-25", "closed that day", "before is 2026-12-24", "next 2026-12-28")),
        ("US", "2026-11-26", ("--date 2026-11-26", "closed that day", "before is 2026-11-25", "next 2026-11-27")),
        ("KR", "1890-01-02", ("--date 1890-01-02", "runs from", "newest final session of KR is 2026-11-20")),
        ("KR", "2199-01-02", ("--date 2199-01-02", "runs from", "newest final session of KR is 2026-11-20")),
        ("KR", "20.11.2026", ("--date '20.11.2026'", "YYYY-MM-DD")),
        ("KR", "2026-02-30", ("--date '2026-02-30'", "YYYY-MM-DD")),
        ("KR", "", ("--date ''", "YYYY-MM-DD")),
    ],
)
def test_a_date_that_is_no_session_is_refused(
    pointed: tuple[Any, Any], command: str, region: str, day: str, words: tuple[str, ...]
) -> None:
    refused(pointed[0].inside(command, region, "--date", day), *words)


def test_a_plan_for_a_session_to_come_says_when_it_is_final(pointed: tuple[Any, Any]) -> None:
    refused(pointed[0].inside("plan", "KR", "--date", "2026-11-24"), "2026-11-24 is final at 2026-11-24 20:05 KST", code=3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--days", "0"), ("--days 0", "1 or more")),
        (("--days", "999999999999999999999"), ("--days", "999999999999999999999 sessions", "it runs from")),
        (("--days", "1.5"), ("1.5",)),
        (("--from", "2026-11-21"), ("--from 2026-11-21 is after 2026-11-20", "newest final session of KR")),
        (
            ("--from", "2026-11-10", "--until", "2026-11-02"),
            ("--from 2026-11-10 is after 2026-11-02", "--until 2026-11-02", "up to then"),
        ),
        (("--from", "1890-01-01"), ("--from 1890-01-01", "calendar of KR begins on", "later")),
        (("--days", "3", "--until", "1890-01-01"), ("--until 1890-01-01", "calendar of KR begins on", "later")),
        (("--days", "3", "--until", "2026-11-23"), ("--until 2026-11-23", "newest final session of KR is 2026-11-20")),
        (("--days", "3", "--until", ""), ("--until ''", "YYYY-MM-DD")),
        (("--until", "2026-11-02"), ("--days N", "--from DAY")),
    ],
)
def test_a_range_that_holds_nothing_is_refused(
    pointed: tuple[Any, Any], options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = pointed[0].inside("backfill", "kr", *options)
    said = done.err.replace(",", "")
    assert (done.code, done.out) == (2, ""), done.err
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("noon", ("'noon'", "ISO 8601", "timezone")),
        ("2026-11-20T21:00:00", ("'2026-11-20T21:00:00'", "no timezone", "+09:00")),
        ("2040-01-04T21:00:00+09:00", ("KR: now is 2040-01-04 12:00 UTC", "SPOCK_NOW", "it runs from")),
        ("1890-01-04T21:00:00+09:00", ("KR: now is 1890-01-04 12:00 UTC", "SPOCK_NOW", "it runs from")),
    ],
)
@pytest.mark.parametrize("command", ON_REGIONS, ids=" ".join)
def test_a_moment_that_can_not_be_now_is_refused(
    pointed: tuple[Any, Any], command: tuple[str, ...], moment: str, words: tuple[str, ...]
) -> None:
    refused(pointed[0].inside(*command, "KR", SPOCK_NOW=moment), *words)
    refused(pointed[0].inside(*command, "KR", "--now", moment), *words[:1])


# runs ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["0", "-1", "many", "99999999999999999999"])
def test_a_number_of_runs_that_is_none_is_refused(pointed: tuple[Any, Any], limit: str) -> None:
    done = pointed[0].inside("runs", "--limit", limit)
    assert (done.code, limit in done.err, "Traceback" in done.err) == (2, True, False)


def test_an_unknown_run_of_an_empty_home_says_that_there_is_none(pointed: tuple[Any, Any]) -> None:
    refused(pointed[0].inside("runs", "show", "KR-night-2026-11-20"), "'KR-night-2026-11-20'", "there is no run yet")


# keys ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(make_home: Callable[..., Any], sandbox: Callable[..., Any]) -> tuple[Any, Any]:
    """A home for live rows whose KIS is a server of ours that counts what is asked: no sandbox, so keys are needed."""
    server = sandbox()
    hosts = {
        "SPOCK_PROVIDERS__KIS__HOSTS__REAL__BASE_URL": server.url,
        "SPOCK_PROVIDERS__KIS__FILES_URL": f"{server.url}/common/master/",
        "SPOCK_COLLECT__INITIAL_SESSIONS": "2",
        "SPOCK_NOW": "2026-11-20T21:00:00+09:00",
        # Nobody stands in for KIS: a test never asks a provider's real host.
        **{f"SPOCK_CHAIN__{capability}": '["kis"]' for capability in ("UNIVERSE", "LISTING", "HISTORY", "INDEX")},
    }
    return make_home(**hosts), server


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KIS_APP_KEY", "k" * 35, ("KIS_APP_KEY", "35 characters, not 36", "env")),
        ("KIS_APP_KEY", "k" * 37, ("KIS_APP_KEY", "37 characters, not 36")),
        ("KIS_APP_SECRET", "s" * 179, ("KIS_APP_SECRET", "179 characters, not 180")),
        ("KIS_APP_SECRET", "k" * 36, ("KIS_APP_SECRET", "36 characters, not 180")),
        ("KIS_APP_KEY", "your_app_key", ("KIS_APP_KEY", "12 characters, not 36")),
        ("KIS_APP_KEY", f"'{KEY}'", ("KIS_APP_KEY", "38 characters, not 36")),
        ("KIS_APP_KEY", "k" * 18 + "\n" + "k" * 17, ("KIS_APP_KEY", "line breaks")),
        ("KIS_APP_KEY", "k" * 18 + " " + "k" * 17, ("KIS_APP_KEY", "spaces")),
        ("KIS_APP_SECRET", "s" * 179 + "ü", ("KIS_APP_SECRET", "non-ASCII")),
    ],
)
def test_a_value_that_can_be_no_key_is_refused_before_anything_is_sent(
    live: tuple[Any, Any], name: str, value: str, words: tuple[str, ...]
) -> None:
    home, server = live
    done = home.inside("nightly", "KR", **{"KIS_APP_KEY": KEY, "KIS_APP_SECRET": SECRET, name: value})
    refused(done, *words, "provider's portal")
    assert value not in done.err
    assert control.report(server.url)["requests"] == 0


def test_a_line_break_after_a_key_is_no_mistake(live: tuple[Any, Any]) -> None:
    home, server = live
    done = home.inside("nightly", "KR", KIS_APP_KEY=f"{KEY}\n", KIS_APP_SECRET=f" {SECRET}\r\n")
    assert done.code == 0, done.err
    assert control.report(server.url)["requests"] > 0


def test_the_untouched_example_of_a_key_file_counts_as_no_key(live: tuple[Any, Any], tools: Any) -> None:
    home, server = live
    home.path.mkdir()
    path = home.path / ".env"
    path.write_bytes((tools.checkout / ".env.example").read_bytes())
    path.chmod(0o600)
    done = home.inside("nightly", "KR")
    assert done.code == 1
    assert "KIS_APP_KEY and KIS_APP_SECRET not set" in done.row["error"]
    assert control.report(server.url)["requests"] == 0


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_may_read_stops_a_night(live: tuple[Any, Any], mode: int) -> None:
    home, server = live
    home.path.mkdir()
    path = home.path / ".env"
    path.write_text(f"KIS_APP_KEY={KEY}\nKIS_APP_SECRET={SECRET}\n", encoding="utf-8")
    path.chmod(mode)
    refused(home.inside("nightly", "KR"), f"{path} holds keys", f"mode {mode:04o}", f"chmod 600 {path}")
    assert control.report(server.url)["requests"] == 0


def test_a_key_file_in_another_encoding_is_named(live: tuple[Any, Any]) -> None:
    home, server = live
    home.path.mkdir()
    path = home.path / ".env"
    path.write_bytes(f"KIS_APP_KEY={KEY}\n".encode("utf-16"))
    path.chmod(0o600)
    refused(home.inside("nightly", "KR"), f"{path} can't be read: not UTF-8 text")
    assert control.report(server.url)["requests"] == 0


# settings and places ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[base\n", ("settings.toml is no TOML", "line 1")),
        ("[base.colect]\npatience_seconds = 3\n", ("colect: unknown setting", "settings.toml", "did you mean collect?")),
        ("[regions.KR.collect]\npatience_seconds = 'long'\n", ("collect.patience_seconds = 'long'", "settings.toml", "number")),
        ("[base.chain]\nhistory = ['bloomberg']\n", ("unknown provider 'bloomberg'", "settings.toml", "known: kis")),
        ("[regions.mars]\nstatus = 'live'\n", ("regions.mars", "settings.toml", "unknown region 'mars'")),
    ],
)
def test_a_slip_in_the_homes_settings_stops_every_command(
    make_home: Callable[..., Any], text: str, words: tuple[str, ...]
) -> None:
    home = make_home(SPOCK_SANDBOX_URL="http://127.0.0.1:9", SPOCK_NOW="2026-11-20T21:00:00+09:00")
    home.path.mkdir()
    (home.path / "settings.toml").write_text(text, encoding="utf-8")
    for command in (("nightly", "KR"), ("plan", "KR"), ("config", "show", "KR")):
        refused(home.inside(*command), *words)


@pytest.mark.parametrize("url", ["127.0.0.1:8800", "ftp://127.0.0.1:8800", "http://"])
def test_an_address_of_a_sandbox_that_is_none_is_refused(make_home: Callable[..., Any], url: str) -> None:
    refused(make_home().inside("nightly", "KR", SPOCK_SANDBOX_URL=url), "SPOCK_SANDBOX_URL", repr(url.rstrip("/")), "unset it")


def said(done: Any) -> str:
    """The error of a command that failed: of its region's row, else on stderr."""
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    return str(done.row["error"]) if done.out else str(done.words)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_is_a_file_is_named(night_home: NightHome, tmp_path: Path, below: str) -> None:
    pointed, server = night_home()
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    home = type(pointed)(tmp_path / "file" / below, pointed.state_dir, pointed.environment)
    words = said(home.inside("nightly", "KR"))
    assert str(tmp_path / "file") in words
    assert "SPOCK_HOME" in words
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"
    assert control.report(server.url)["by_path"] == {}


def test_a_home_that_can_not_be_written_is_named(night_home: NightHome, read_only: Path) -> None:
    pointed, server = night_home()
    home = type(pointed)(read_only, pointed.state_dir, pointed.environment)
    words = said(home.inside("nightly", "KR"))
    assert str(read_only) in words
    assert "SPOCK_HOME" in words
    assert control.report(server.url)["by_path"] == {}


def test_a_state_folder_that_can_not_be_written_is_named_and_nothing_is_sent(night_home: NightHome, read_only: Path) -> None:
    pointed, server = night_home(enforce_limits=True)
    home = type(pointed)(pointed.path, read_only / "machine", pointed.environment)
    words = said(home.inside("nightly", "KR"))
    assert str(read_only) in words
    assert "SPOCK_STATE_DIR" in words
    assert [path for path in control.report(server.url)["by_path"] if "/uapi/" in path] == []
