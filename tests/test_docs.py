"""Holds the documentation to the code: what there is stands in docs/, and what stands there exists."""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import json
import os
import re
import shlex
import sqlite3
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import duckdb
import pyarrow as pa
import pytest
import rich_click as click
from pydantic import BaseModel

from adapters import factory
from adapters.sandbox import control
from adapters.sandbox.faults import KINDS, Fault
from adapters.sandbox.regions import ALWAYS, PROFILES
from adapters.sandbox.server import Sandbox
from adapters.sandbox.yahoo import is_yahoo
from pipeline import demo, errors, quality, queries, settings
from pipeline.cli import spock
from pipeline.market import Market
from pipeline.output import FORMATS
from pipeline.settings import FinalAt, RegionConfig
from pipeline.settings.sources import RESERVED
from pipeline.state import State
from pipeline.store import Store

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "adapters" / "README.md", ROOT / "backups" / "README.md"])

Columns = dict[str, str]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of ours from outside."""
    clear(monkeypatch)
    yield
    settings.clear_cache()


def clear(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SPOCK_")]:
        patch.delenv(name)
    settings.clear_cache()


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Heading to the text below it, for headings of one level; fenced blocks hold none."""
    found: dict[str, str] = {}
    title, fenced = "", False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("#" * level + " "):
            title = line.lstrip("# ")
        elif not fenced and re.match(rf"#{{1,{level - 1}}} ", line):
            title = ""
        elif title:
            found[title] = found.get(title, "") + line + "\n"
    return found


def table(text: str) -> list[list[str]]:
    """Cells of every Markdown table row in `text`, without heads and rules."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    heads = [line for line, rule in zip(text.splitlines(), text.splitlines()[1:], strict=False) if rule.startswith("|---")]
    titles = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in heads]
    return [row for row in rows if row not in titles]


def names(text: str) -> list[str]:
    """What stands as code in the first column of the tables of `text`."""
    return [row[0].strip("`") for row in table(text) if row[0].startswith("`")]


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


# ---- commands ----


def commands(group: click.Command = spock, path: tuple[str, ...] = ("spock",)) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        if group.invoke_without_command:
            yield " ".join(path), group
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            assert command is not None
            yield from commands(command, (*path, name))
    else:
        yield " ".join(path), group


COMMANDS = dict(commands())


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    assert sorted(title.strip("`") for title in sections(page("COMMANDS.md"))) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_options_are_documented_and_no_others(name: str) -> None:
    options = [option.opts[0] for option in COMMANDS[name].params if isinstance(option, click.Option)]
    assert sorted(names(sections(page("COMMANDS.md"))[f"`{name}`"])) == sorted(options)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_options_have_help(name: str) -> None:
    command = COMMANDS[name]
    silent = [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
    assert (bool(command.help), silent) == (True, [])


def test_groups_have_help() -> None:
    groups = [spock, *(command for command in spock.commands.values() if isinstance(command, click.Group))]
    assert [group.name for group in groups if not group.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_an_example(name: str) -> None:
    section = sections(page("COMMANDS.md"))[f"`{name}`"]
    assert any(line.startswith(name) for block in fenced(section, "sh") for line in block.splitlines())


def examples() -> Iterator[tuple[str, str]]:
    """Every `spock …` line of the shell blocks of every page."""
    for path in PAGES:
        for block in fenced(path.read_text(encoding="utf-8"), "sh"):
            for line in block.splitlines():
                words = shlex.split(line.partition(" < ")[0], comments=True)
                at = next((n for n, word in enumerate(words) if word == "spock" or word.endswith("bin/spock")), None)
                if at is not None:
                    yield f"{path.relative_to(ROOT)}: {line}", shlex.join(words[at + 1 :])


@pytest.mark.parametrize(("where", "line"), list(examples()))
def test_an_example_can_be_taken(where: str, line: str) -> None:
    args, group = shlex.split(line), spock
    context = click.Context(group)
    while isinstance(group, click.Group) and not (group.invoke_without_command and args[:1] != ["show"]):
        command = group.get_command(context, args[0])
        assert command is not None, f"{where}: no command {args[0]}"
        group, args = command, args[1:]  # type: ignore[assignment]
    group.make_context("spock", args)


def test_the_formats_are_documented() -> None:
    assert f"--format {'|'.join(FORMATS)}" in page("COMMANDS.md")


def test_exit_codes_are_documented() -> None:
    codes = {str(error.exit_code) for error in (errors.SpockError, errors.UsageError, errors.TooEarly)}
    assert codes | {"0", "130"} == {row[0] for row in table(page("COMMANDS.md").partition("\n## ")[0])}


# ---- settings ----


def leaves(annotation: Any, path: str) -> Iterator[str]:
    """Paths of the values below `annotation`: `[]` for an item of a list of tables, `<>` for a key that is a name."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield from leaves(field.annotation, f"{path}.{name}" if path else name)
    elif get_origin(annotation) is dict:
        yield from leaves(arguments[1], f"{path}.<>")
    elif get_origin(annotation) is tuple and isinstance(arguments[0], type) and issubclass(arguments[0], BaseModel):
        yield from leaves(arguments[0], f"{path}[]")
    else:
        yield path


def settings_rows() -> list[list[str]]:
    return [row for row in table(page("SETTINGS.md")) if len(row) == 4]


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = [re.sub(r"<\w+>", "<>", row[0].strip("`")) for row in settings_rows()]
    assert sorted(documented) == sorted(leaves(RegionConfig, ""))


def test_documented_defaults_are_the_defaults() -> None:
    base = tomllib.loads((ROOT / "pipeline" / "base.toml").read_text(encoding="utf-8"))
    shared = ("transport", "collect", "store", "universe")
    documented = {row[0].strip("`"): row[1].strip("`") for row in settings_rows() if row[0].strip("`").startswith(shared)}
    given = {f"{section}.{key}": value for section in shared for key, value in base[section].items()}
    optional = {"universe.min_value": "none", "universe.top": "all", "universe.members": "none"}
    assert documented == {**{path: json.dumps(value) for path, value in given.items()}, **optional}


def test_defaults_of_the_model_are_the_documented_ones() -> None:
    documented = {row[0].strip("`").rsplit(".", 1)[-1]: row[1].strip("`") for row in settings_rows()}
    fields = settings.ProviderConfig.model_fields
    assert documented["history_rows"] == str(fields["history_rows"].default)
    assert documented["index_rows"] == str(fields["index_rows"].default)
    assert documented["day_offset"] == str(settings.FinalAt.model_fields["day_offset"].default)


def test_documented_variables_set_their_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path))
    told = {}
    for path, default, _, variable in settings_rows():
        if re.fullmatch(r"`[\d.]+`", default) and "[]" not in path and "<" not in path:
            told[path.strip("`")] = float(default.strip("`")) * 0.5 if "threshold" in path else float(default.strip("`")) + 1
            monkeypatch.setenv(variable.strip("`"), f"{told[path.strip('`')]:g}")
    config = settings.get_config("KR").model_dump()
    assert {path: float(config[path.split(".")[0]][path.split(".")[1]]) for path in told} == told


def test_every_variable_of_ours_is_documented() -> None:
    documented = names(sections(page("SETTINGS.md"))["Places and moments"])
    assert sorted(documented) == sorted(RESERVED)


def test_every_key_is_documented() -> None:
    configs = [settings.get_config(region) for region in settings.available_regions()]
    keys = {key for config in configs for provider in config.providers.values() for key in provider.keys}
    section = sections(page("SETTINGS.md"))["Keys"]
    assert set(names(section)) == keys
    pending = {row[0].strip("`") for row in table(section) if "no adapter yet" in row[1]}
    served = {key for name in factory.OPENERS for key in configs[0].providers[name].keys}
    assert pending == keys - served


def test_env_example_names_the_keys_that_are_used() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    config = settings.get_config("KR")
    assert re.findall(r"^(\w+)=$", text, re.MULTILINE) == [
        key for name in factory.OPENERS for key in config.providers[name].keys
    ]


# ---- tables ----


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Columns], dict[str, Columns], dict[str, Columns]]:
    """Columns and types of a freshly made store, of its replica, and of the state."""
    home = tmp_path_factory.mktemp("fresh")
    state, store = State(home), Store(home)
    now = [dt.datetime.now(dt.UTC)]
    with store.write() as connection:
        main = duckdb_columns(connection)
    store.publish({**state.operations(), "replica_info": pa.table({"published_at": now, "as_of": now, "run_id": ["r"]})})
    with store.read() as connection:
        replica = duckdb_columns(connection)
    state.close()
    operations: dict[str, Columns] = {}
    connection = sqlite3.connect(home / "state.sqlite")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        found = connection.execute("SELECT name, type FROM pragma_table_info(?)", [name]).fetchall()
        operations[name] = dict(found)
    connection.close()
    return main, replica, operations


def duckdb_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    rows = connection.execute(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
        "ORDER BY table_schema, table_name, ordinal_position"
    ).fetchall()
    for schema, name, column, kind in rows:
        key = name if schema == "main" else f"{schema}.{name}"
        found.setdefault(key, {})[column] = kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    return found


def documented_tables() -> dict[str, list[list[str]]]:
    return {title: table(body) for title, body in sections(page("TABLES.md"), level=3).items()}


def test_the_stores_tables_are_documented_column_by_column(fresh: tuple[dict[str, Columns], ...]) -> None:
    main, replica, operations = fresh
    documented = {
        title.strip("`"): {row[0].strip("`"): row[1] for row in rows}
        for title, rows in documented_tables().items()
        if not title.endswith("(state)")
    }
    assert documented == {**main, "replica_info": replica["replica_info"]}
    assert set(replica) - set(main) - {"replica_info"} <= set(operations)


def test_the_states_tables_and_their_copies_are_documented_column_by_column(fresh: tuple[dict[str, Columns], ...]) -> None:
    main, replica, operations = fresh
    documented = {
        title.split("`")[1]: rows for title, rows in documented_tables().items() if title.endswith("(state)")
    }
    kept = {name: columns for name, columns in operations.items() if name not in main}
    copied = {name: columns for name, columns in replica.items() if name not in main and name != "replica_info"}
    assert {name: {row[0].strip("`"): row[1] for row in rows} for name, rows in documented.items()} == kept
    assert copied == {
        name: columns
        for name, rows in documented.items()
        if (columns := {row[0].strip("`"): row[2] for row in rows if row[2] != "–"})
    }


def test_every_column_says_what_it_is() -> None:
    assert [(title, row[0]) for title, rows in documented_tables().items() for row in rows if not row[-1]] == []


def test_every_named_query_is_documented() -> None:
    documented = [[row[0].strip("`"), row[1]] for row in table(sections(page("TABLES.md"))["Named queries"])]
    assert documented == [[row["name"], row["answers"]] for row in queries.named()]


# ---- the night ----


def test_every_session_state_is_explained() -> None:
    ddl = (ROOT / "migrations" / "store" / "0001_market.sql").read_text(encoding="utf-8")
    allowed = re.search(r"CHECK \(state IN \((.*?)\)\)", ddl)
    assert allowed is not None
    assert names(sections(page("NIGHT.md"))["What a session state means"]) == ast.literal_eval(f"[{allowed[1]}]")


def test_every_rule_is_explained() -> None:
    rules = [name for name, _, _ in quality.rules("KR")]
    assert names(sections(page("NIGHT.md"))["Why a row is refused"]) == rules


def test_the_rules_of_the_readers_are_named() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "adapters").rglob("*.py"))
    rules = set(re.findall(r'RowError\(\s*"(\w+)"', code))
    section = sections(page("NIGHT.md"))["Why a row is refused"]
    assert {rule for rule in rules if f"`{rule}`" not in section} == set()


def test_every_status_of_a_run_is_explained() -> None:
    ddl = (ROOT / "migrations" / "state" / "0001_operations.sql").read_text(encoding="utf-8")
    allowed = re.search(r"CHECK \(status IN \(('running'.*?)\)\)", ddl)
    assert allowed is not None
    assert sorted(names(sections(page("NIGHT.md"))["When it is cut off"])) == sorted(ast.literal_eval(f"[{allowed[1]}]"))


def test_final_times_of_all_regions_are_documented() -> None:
    def told(final: FinalAt) -> str:
        later = f", {final.day_offset} day later" if final.day_offset else ""
        return f"{final.time:%H:%M} {final.timezone}{later}"

    expected = []
    for region in settings.available_regions():
        venues = settings.get_config(region).venues
        assert all(venue.final_at == venues[0].final_at for venue in venues), region
        final = dict(venues[0].final_at)
        usual = told(final.pop("default"))
        times = [usual, *(f"{provider}: {told(one)}" for provider, one in final.items())]
        expected.append([f"`{region}`", "; ".join(times), " ".join(venue.mic for venue in venues)])
    assert [row[:3] for row in table(sections(page("NIGHT.md"))["Nine regions"])] == expected


def test_what_is_remarked_of_corporate_actions_is_explained() -> None:
    code = (ROOT / "pipeline" / "store" / "actions.py").read_text(encoding="utf-8")
    remarks = set(re.findall(r'"(action_\w+|corporate_action_\w+)"', code))
    assert set(names(sections(page("NIGHT.md"))["Corporate actions"])) == {"bad_action", *remarks}


# ---- the sandbox ----


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A small one of all regions."""
    with Sandbox(tickers=1, now=demo.NOW) as server:
        yield server


def sandbox_section(title: str) -> str:
    return sections(page("SANDBOX.md"))[title]


def refusal(sandbox: Sandbox, **fault: str) -> list[str]:
    """The words a fault that can't be set is told to be chosen from."""
    with pytest.raises(errors.UsageError) as refused:
        control.set_fault(sandbox.url, **fault)
    return re.findall(r"\w+", str(refused.value).rpartition("there are ")[2])


def test_every_route_of_the_sandbox_is_documented(sandbox: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as missed:
        urllib.request.urlopen(f"{sandbox.url}/_sandbox/nothing", timeout=5)
    with missed.value as answer:
        text = json.load(answer)["error"]
    known = re.findall(r"\b(GET|POST|DELETE) (\w+)", text.partition("there are")[2])
    routes = [f"{method} /_sandbox/{name}" for method, name in known]
    assert names(sandbox_section("Steering")) == routes


def test_every_fault_and_its_fields_are_documented(sandbox: Sandbox) -> None:
    fields = [field.name for field in dataclasses.fields(Fault) if field.name not in ("fired", "passed", "ends")]
    assert sorted(names(sandbox_section("Faults"))) == sorted([*KINDS, "provider", *fields])
    assert names(sandbox_section("Faults of Yahoo")) == refusal(sandbox, provider="yahoo", kind="?")


def test_every_call_of_kis_is_documented(sandbox: Sandbox) -> None:
    calls = refusal(sandbox, kind="cut", tr="?")
    assert names(sandbox_section("KIS's calls")) == [name for name in calls if name.isupper()]
    others = {name for name in calls if not name.isupper()}
    assert others <= set(re.findall(r"`(\w+)`", sandbox_section("Faults")))


def test_yahoos_documented_pages_are_served(sandbox: Sandbox) -> None:
    assert [path for path in names(sandbox_section("Yahoo's pages")) if not is_yahoo(path)] == []
    named = re.findall(r"`(\w+)`", sandbox_section("Faults of Yahoo").partition("| kind |")[0])
    assert [name for name in refusal(sandbox, provider="yahoo", kind="cut", tr="?") if name not in named] == []


def test_names_that_are_always_there_are_documented(sandbox: Sandbox) -> None:
    rows = table(sections(page("SANDBOX.md"), level=3)["Always there"])
    assert [region for region, _ in rows] == list(PROFILES)
    for region, documented in rows:
        profile = PROFILES[region]
        assert documented.split() == [profile.book.followed_code(place) for place in range(ALWAYS)], region


def test_limits_and_report_of_the_sandbox_are_documented(sandbox: Sandbox) -> None:
    report = control.report(sandbox.url)
    assert names(sandbox_section("Limits and the report")) == list(report)
    last = sandbox_section("Limits and the report").partition("| `yahoo` |")[2]
    assert re.findall(r"`(\w+)`", last) == list(report["yahoo"])
    told = re.search(r"any of `(\{.*?\})`", page("SANDBOX.md"))
    assert told is not None
    with urllib.request.urlopen(f"{sandbox.url}/_sandbox/limits", timeout=5) as answer:
        assert json.loads(told[1]) == json.load(answer)


# ---- errors ----


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│├└─ ]*)([A-Z]\w+)(?:  |$)", line)
        if found:
            depth = len(found[1])
            above = [(at, name) for at, name in above if at < depth]
            drawn[found[2]] = above[-1][1] if above else None
            above.append((depth, found[2]))
    defined = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert drawn == {
        name: None if kind is errors.SpockError else (kind.__base__ or kind).__name__ for name, kind in defined.items()
    }


# ---- SQL that is shown ----


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a demo night, as `make demo` runs it."""
    with pytest.MonkeyPatch.context() as patch:
        base = tmp_path_factory.mktemp("home")
        clear(patch)
        patch.setenv("SPOCK_HOME", str(base))
        assert demo.run(tickers=90, sessions=300) == 0
    settings.clear_cache()
    return base / "demo"


SHOWN = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in PAGES
    for number, block in enumerate(fenced(path.read_text(encoding="utf-8"), "sql"))
]


@pytest.mark.parametrize("block", SHOWN)
def test_sql_that_is_shown_runs(block: str, demo_home: Path) -> None:
    assert queries.run(demo_home, block) != []


def test_pages_show_sql() -> None:
    assert len(SHOWN) >= 5


#: What the queries with parameters are asked for.
ASKED = {
    "history": {"region": "KR", "ticker": "005930"},
    "compare": {"tickers": "005930, AAPL", "since": "2026-10-01"},
}


@pytest.mark.parametrize("name", [row["name"] for row in queries.named()])
def test_a_named_query_runs(name: str, demo_home: Path) -> None:
    found = queries.run(demo_home, name, params=ASKED.get(name))
    assert found or name in ("gaps", "refused")


# ---- pages ----


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_internal_links_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


def test_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if f"(docs/{path.name})" not in readme] == []


# ---- what a public repository must not hold ----


def project_files() -> list[Path]:
    """Tracked files and those about to be; in an unpacked archive without git, everything there is."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not {".venv", "data", "__pycache__"} & set(path.parts)]
    return [path for path in paths if path.is_file()]


# In pieces, so that this file does not hold them either.
FOLDERS = "|".join(["wo" + "rk/", "ro" + "ot/", "Use" + r"rs/\w", "ho" + r"me/\w+/\w"])
HOSTS = "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", r"^--(?:extra-index|index|find-links)"])
FORBIDDEN = {
    "a folder of one machine": re.compile(rf"(?<![\w.])/(?:{FOLDERS})"),
    "the place of a registry": re.compile(HOSTS, re.MULTILINE),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in FORBIDDEN[what].finditer(text)]
    assert found == []


def test_the_readmes_night_is_the_demos(demo_home: Path) -> None:
    """Region, tickers and rows; requests and seconds are of their day."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^│ ([A-Z]{2}) +│ +300 │ +([\d,]+) │ +([\d,]+) │ +1 │", page, re.MULTILINE)
    counted = "SELECT region, count(DISTINCT ticker), count(*) FROM ohlcv_data GROUP BY region ORDER BY region"
    told = [tuple(row.values()) for row in queries.run(demo_home, counted)]
    assert sorted((region, int(names), int(bars.replace(",", ""))) for region, names, bars in shown) == told


# ---- Python ----

PYTHON = page("PYTHON.md")


def test_the_python_that_is_shown_runs(
    demo_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo_home.parents[1])
    shown = [block.replace('"data/demo"', repr(str(demo_home))) for block in fenced(PYTHON, "python")]
    names: dict[str, object] = {}
    for block in shown:
        exec(compile(block, "docs/PYTHON.md", "exec"), names)
    told = capsys.readouterr().out
    assert len(shown) == 4
    assert re.search(r"^\d+ of \d+ above their mean, as of 2026-11-20$", told, re.MULTILINE)
    assert re.search(r"since 2026-01-02, in KRW$", told, re.MULTILINE)


def test_the_calls_that_are_listed_are_the_markets() -> None:
    told = set(re.findall(r"^\| `market\.(\w+)", PYTHON, re.MULTILINE))
    assert told == {name for name in vars(Market) if not name.startswith("_")}
