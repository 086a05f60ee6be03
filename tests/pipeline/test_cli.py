"""The command line as a person and a script meet it: formats, words, exit codes, what it does not import."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from pipeline import cli

NightHome = Callable[..., tuple[Any, Any]]
FIGURES = (
    *("run_id", "region", "sessions", "tickers", "rows", "explained", "refused", "coverage", "requests", "seconds"),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[Any]:
    """A home after one night; nothing in this module changes it."""
    folder = tmp_path_factory.mktemp("cli")
    with tools.sandbox(regions=("KR",), tickers=12, now=tools.now, enforce_limits=False) as server:
        settings = {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "5"}
        home = tools.home(folder / "home", folder / "machine", settings)
        assert home.inside("nightly", "KR").code == 0
        yield home


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


# output -------------------------------------------------------------------------------------------------------------------


def test_off_a_terminal_stdout_is_one_json_object_a_region_and_progress_goes_to_stderr(filled: Any) -> None:
    done = filled.spock("nightly", "KR")

    assert done.code == 0, done.err
    assert [name for name in FIGURES if name not in done.row] == []
    types = {name: type(done.row[name]).__name__ for name in FIGURES}
    assert types == {
        "run_id": "str",
        "region": "str",
        "sessions": "int",
        "tickers": "int",
        "rows": "int",
        "explained": "int",
        "refused": "int",
        "coverage": "float",
        "requests": "dict",
        "seconds": "float",
    }
    assert all(json.loads(line)["event"] for line in done.err.splitlines())


def test_a_night_as_json_is_the_same_asked_for_or_not(filled: Any) -> None:
    rows = [filled.inside("nightly", "KR", *form).row for form in ((), ("--format", "json"), ("--format", "ndjson"))]
    for row in rows:
        row.pop("seconds")
    assert rows[0] == rows[1] == rows[2]


def test_a_night_as_csv_has_a_header_and_a_row(filled: Any) -> None:
    done = filled.inside("nightly", "KR", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert (row["run_id"], row["region"], row["coverage"]) == ("KR-night-2026-11-20", "KR", "1.0")
    assert json.loads(row["requests"]) == {}


def test_a_night_as_a_table_cuts_no_value(filled: Any) -> None:
    done = filled.inside("nightly", "KR", "--format", "table")
    titles = ("Regions", "Providers", "Slowest tickers", "as of   2026-11-20 12:00 UTC", "reports/2026-11-20.html")
    for text in ("region", "coverage", "KR", "complete", *titles):
        assert text in done.out
    assert "…" not in done.out


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "table"])
@pytest.mark.parametrize(
    "command",
    [("status",), ("runs",), ("sql", "--list"), ("sql", "SELECT 1 AS one"), ("config", "show", "KR"), ("plan", "KR")],
    ids=" ".join,
)
def test_every_listing_speaks_every_format(filled: Any, command: tuple[str, ...], form: str) -> None:
    done = filled.inside(*command, "--format", form)
    assert done.code == 0, done.err
    assert done.out.strip()
    if form == "json":
        json.loads(done.out)
    elif form == "ndjson":
        assert [json.loads(line) for line in done.out.splitlines()]
    elif form == "csv":
        assert len(list(csv.reader(io.StringIO(done.out)))) >= 2


def test_status_shows_where_the_region_stands(filled: Any) -> None:
    (row,) = json.loads(filled.inside("status").out)
    assert (row["region"], row["last_complete_session"]) == ("KR", "2026-11-20")


def test_runs_lists_the_night(filled: Any) -> None:
    (row,) = json.loads(filled.inside("runs", "--region", "korea").out)
    assert (row["run_id"], row["status"], row["attempt"]) == ("KR-night-2026-11-20", "complete", 1)
    assert filled.inside("runs", "--region", "US", "--format", "csv").out == ""


def test_sql_answers_on_the_replica_and_can_not_write(filled: Any) -> None:
    (row,) = json.loads(filled.inside("sql", "SELECT count(*) AS bars FROM ohlcv_data").out)
    assert row["bars"] > 50
    refused = filled.inside("sql", "DELETE FROM ohlcv_data")
    assert refused.code in (1, 2)
    assert "read-only" in refused.words


def test_every_named_query_runs(filled: Any) -> None:
    given = {"history": ("region=KR", "ticker=005930"), "compare": ("tickers=005930", "since=2026-11-01")}
    for row in json.loads(filled.inside("sql", "--list").out):
        params = [word for pair in given.get(row["name"], ()) for word in ("--param", pair)]
        done = filled.inside("sql", row["name"], *params)
        assert done.code == 0, (row["name"], done.err)
        assert row["answers"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (("no_such_query",), ("no_such_query", "latest_bars")),
        (("SELECT nonsense FROM nowhere",), ("nowhere",)),
        (("SELECT $a",), ("--param a=",)),
        (("SELECT 1", "--param", "broken"), ("NAME=VALUE",)),
        (("SELECT 1", "--schema", "other"), ("other",)),
    ],
)
def test_a_query_that_can_not_be_answered_is_refused_in_words(
    filled: Any, query: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = filled.inside("sql", *query)
    assert done.code == 2
    assert [word for word in words if word not in done.words] == []
    assert "Traceback" not in done.err


def test_a_reader_that_goes_away_is_no_error(filled: Any) -> None:
    process = filled.start("sql", "SELECT * FROM range(200000)", "--format", "ndjson")
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), err) == (0, "")


# words --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["kr", "Korea", "KRX", "south-korea", "KR"])
def test_a_region_may_be_given_by_any_of_its_names(filled: Any, region: str) -> None:
    done = filled.inside("nightly", region)
    assert (done.code, done.row["region"]) == (0, "KR")


def test_a_region_given_twice_is_one(filled: Any) -> None:
    assert filled.inside("nightly", "KR", "korea").row["region"] == "KR"


def test_an_unknown_region_is_refused_with_the_known_ones(filled: Any) -> None:
    done = filled.spock("nightly", "ATLANTIS")
    assert done.code == 2
    assert done.out == ""
    for word in ("'ATLANTIS'", "KR", "EU"):
        assert word in done.err
    assert "Traceback" not in done.err


def test_a_region_that_is_off_is_refused(filled: Any) -> None:
    done = filled.inside("nightly", "KR", SPOCK_REGIONS__KR__STATUS="off")
    assert (done.code, done.out) == (2, "")
    assert "region KR is off" in done.words


def test_a_region_whose_provider_has_no_adapter_says_so(filled: Any) -> None:
    done = filled.inside("nightly", "UK", SPOCK_CHAIN__UNIVERSE='["polygon"]', SPOCK_CHAIN__HISTORY='["polygon"]')
    assert done.code == 1
    assert "polygon: no adapter in this version" in done.row["error"]
    assert "Traceback" not in done.err


def test_without_keys_and_sandbox_a_night_says_which_keys_to_put_where(make_home: Callable[..., Any]) -> None:
    home = make_home(**{f"SPOCK_CHAIN__{name}": '["kis"]' for name in ("UNIVERSE", "LISTING", "HISTORY", "INDEX")})

    done = home.inside("nightly", "KR", "--now", "2026-11-20T21:00:00+09:00")

    assert done.code == 1
    for word in ("KIS_APP_KEY", "KIS_APP_SECRET", ".env", "SPOCK_SANDBOX_URL"):
        assert word in done.row["error"]
    assert "Traceback" not in done.err


def test_a_sandbox_that_is_not_there_is_told_in_words(make_home: Callable[..., Any]) -> None:
    home = make_home(SPOCK_SANDBOX_URL="http://127.0.0.1:9")
    done = home.inside("nightly", "KR")
    assert done.code == 1
    assert "no sandbox answers" in done.words
    assert "Traceback" not in done.err


def test_a_home_without_a_replica_tells_a_reader_what_to_run(make_home: Callable[..., Any]) -> None:
    done = make_home().inside("status")
    assert done.code == 1
    assert "spock nightly KR" in done.words


@pytest.mark.parametrize("moment", ["tomorrow", "2026-11-20T21:00:00", "2026-99-20T21:00:00+09:00"])
def test_a_moment_that_is_none_is_refused(filled: Any, moment: str) -> None:
    for done in (filled.inside("nightly", "KR", "--now", moment), filled.inside("nightly", "KR", SPOCK_NOW=moment)):
        assert done.code == 2
        assert moment in done.words


def test_a_sandbox_store_refuses_live_rows_before_it_asks(filled: Any) -> None:
    live = type(filled)(filled.path, filled.state_dir, {})
    keys = {"KIS_APP_KEY": "k" * 36, "KIS_APP_SECRET": "s" * 180}
    done = live.inside("nightly", "KR", "--now", "2026-11-23T21:00:00+09:00", **keys)
    assert done.code == 1
    assert "sandbox" in done.row["error"]
    assert "SPOCK_HOME" in done.row["error"]


def test_a_setting_that_does_not_exist_is_named(filled: Any) -> None:
    done = filled.inside("nightly", "KR", SPOCK_COLLECT__PATIENTS="5")
    assert done.code == 2
    assert "collect.patients" in done.words.lower()


# help ---------------------------------------------------------------------------------------------------------------------


def test_every_command_and_option_has_help() -> None:
    assert isinstance(cli.spock, click.Group)
    lacking = []
    for path, command in commands(cli.spock):
        if not (command.help or "").strip():
            lacking.append(" ".join(path))
        for option in command.params:
            if isinstance(option, click.Option) and not (option.help or "").strip():
                lacking.append(f"{' '.join(path)} {option.opts[0]}")
    assert lacking == []


def test_help_of_every_command_can_be_shown(make_home: Callable[..., Any]) -> None:
    home = make_home()
    for path, _ in commands(cli.spock):
        done = home.inside(*path, "--help")
        assert (done.code, "Usage" in done.out) == (0, True), path
    assert not home.path.exists()


def test_help_imports_nothing_heavy(make_home: Callable[..., Any], tools: Any) -> None:
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pipeline.cli", "--help"],
        cwd=tools.checkout,
        env=make_home().variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in found.stderr.splitlines()}
    assert imported & {"polars", "duckdb", "pandas", "pyarrow", "pydantic", "httpx", "numpy"} == set()
    assert {"pipeline", "rich_click"} <= imported
    assert "nightly" in found.stdout


# the demo -----------------------------------------------------------------------------------------------------------------


def test_the_demo_shows_a_night_an_answer_and_where_things_are(make_home: Callable[..., Any]) -> None:
    home = make_home()

    done = home.spock("demo", "--tickers", "54", "--sessions", "30")

    assert done.code == 0, done.err
    for word in ("region", "coverage", "requests", "seconds", "relative_strength", "VN", "EU", "KRW", "GBP", "kis", "yfinance"):
        assert word in done.out
    store = home.path / "demo" / "replica.duckdb"
    report = home.path / "demo" / "reports" / "2026-11-20.html"
    assert [str(path) in done.out and path.exists() for path in (store, report)] == [True] * 2
    assert done.words == ""
    again = home.inside("demo", "--tickers", "54", "--sessions", "30")
    assert again.code == 0, again.err


def test_the_demo_does_not_clear_a_home_with_live_data(make_home: Callable[..., Any], tools: Any) -> None:
    home = make_home("demo")
    store = home.store
    with store.write() as connection:
        connection.execute("INSERT INTO store_origin VALUES ('live', now(), 'KR-night-2026-11-20')")

    done = home.inside("demo", "--tickers", "2", "--sessions", "5")

    assert done.code != 0
    assert "live" in done.words + done.out
    assert home.table("store_origin")["origin"].to_list() == ["live"]


def test_the_demo_does_not_clear_a_folder_that_is_no_home(make_home: Callable[..., Any]) -> None:
    home = make_home("projects")
    treasure = home.path / "demo" / "thesis.txt"
    treasure.parent.mkdir(parents=True)
    treasure.write_text("three years of work")

    done = home.inside("demo", "--tickers", "2", "--sessions", "5")

    assert treasure.exists(), "the demo deleted a folder that it did not make"
    assert done.code != 0
