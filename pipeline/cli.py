"""The command line: parse, call one library function, print. Nothing heavy is imported before a command needs it.

Exit codes: 0 ok, 1 failed, 2 usage, 3 below coverage or too early.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

from pipeline import __version__
from pipeline.errors import SpockError, UsageError

if TYPE_CHECKING:
    from pipeline.clock import Clock
    from pipeline.nightly import Nights, Result
    from pipeline.progress import Progress

_FORMATS = click.Choice(["table", "json", "csv", "ndjson"])

#: click's own: the user stopped it (Ctrl-C).
_INTERRUPTED = 130


def main() -> None:
    """Entry point: our errors become one line on stderr and their exit code."""
    try:
        spock(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("stopped; the same command goes on where it was", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except SpockError as error:
        print(f"spock: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spock")
def spock() -> None:
    """Equity data of nine regions, every night, in one DuckDB file.

    Regions: KR US CN HK JP VN AU UK EU, or an alias in any case. SPOCK_HOME is where everything is kept.
    """


def _format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--format", "form", type=_FORMATS, help="Default: a table on a terminal, JSON elsewhere."
    )(command)


def _now_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--now", metavar="ISO", help="Take this moment for now, such as 2026-11-20T21:00:00+09:00 (also SPOCK_NOW)."
    )(command)


_regions = click.argument("regions", nargs=-1, required=True, metavar="REGION…")


@spock.command()
@_regions
@click.option("--date", metavar="DAY", help="The session to collect, YYYY-MM-DD. Default: the newest final one.")
@click.option("--wait", is_flag=True, help="Too early? Wait until the session is final instead of ending with exit code 3.")
@_now_option
@_format_option
def nightly(regions: tuple[str, ...], date: str | None, wait: bool, now: str | None, form: str | None) -> None:
    """Collect what is missing since the last complete session, check it, commit it, publish a replica.

    Run it again after a kill or a failure: it goes on where it was. On an empty home it first fetches the ticker list and
    `collect.initial_sessions` sessions of history.
    """
    from pipeline.nightly import parse_date

    day = None if date is None else parse_date("--date", date)
    nights = _nights(now, form)
    _finish(nights.nightly(regions, date=day, wait=wait, look=lambda: _clock(now)), form)


@spock.command()
@_regions
@click.option("--days", type=int, metavar="N", help="So many sessions, up to --until.")
@click.option("--from", "first", metavar="DAY", help="First day, YYYY-MM-DD.")
@click.option("--until", metavar="DAY|-N", help="Last day, or N sessions before the newest final one (the default).")
@_now_option
@_format_option
def backfill(
    regions: tuple[str, ...], days: int | None, first: str | None, until: str | None, now: str | None, form: str | None
) -> None:
    """Collect history: `--days N` sessions, or `--from DAY [--until DAY]`. Only what is not stored yet is asked for."""
    from pipeline import settings
    from pipeline.nightly import backfill_range, parse_date

    if (days is None) == (first is None):
        raise UsageError("a backfill needs either --days N or --from DAY")
    day = None if first is None else parse_date("--from", first)
    nights = _nights(now, form)
    ranges = [
        (region, *backfill_range(settings.get_config(region), nights.clock.now, days=days, first=day, until=until))
        for region in regions
    ]
    _finish(nights.backfill(ranges), form)


@spock.command()
@_regions
@click.option("--date", metavar="DAY", help="Plan the night for this session.")
@_now_option
@_format_option
def plan(regions: tuple[str, ...], date: str | None, now: str | None, form: str | None) -> None:
    """Show what a night would ask, in requests and seconds; asks nothing and changes nothing."""
    from pipeline import output
    from pipeline.nightly import parse_date

    day = None if date is None else parse_date("--date", date)
    plans = _nights(now, form).plan(regions, day)
    if output.chosen(form) == "table":
        for one in plans:
            click.echo(one.describe())
        return
    rows = [
        {
            "region": one.region,
            "first_session": one.first,
            "target_session": one.target,
            "sessions": one.session_count,
            "tickers": None if one.followed.is_empty() else one.followed.height,
            "to_ask": len(one.units),
            "requests": one.requests,
            "seconds": one.seconds,
            "note": one.describe(),
        }
        for one in plans
    ]
    output.show(rows, output.chosen(form))


@spock.command()
@_format_option
def status(form: str | None) -> None:
    """Where each region stands: last complete session, coverage, rows, and the newest replica."""
    from pipeline import output, queries, settings

    output.show(queries.region_standings(settings.home()), output.chosen(form), title=str(settings.home()))


@spock.command()
@click.option("--region", help="Only this region's runs.")
@click.option("--limit", default=20, show_default=True, help="So many, newest first.")
@_format_option
def runs(region: str | None, limit: int, form: str | None) -> None:
    """List runs, newest first, as the operations database has them."""
    from pipeline import output, settings
    from pipeline.state import State

    code = None if region is None else settings.resolve_region(region)
    output.show(State(settings.home()).runs(code, limit), output.chosen(form))


# SQL may begin with a comment, which looks like an option to click.
@spock.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", metavar="SQL|NAME|-", required=False)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the query ($NAME).")
@click.option("--schema", default="main", show_default=True, help="`original`: the original system's tables.")
@click.option("--list", "listing", is_flag=True, help="List the named queries.")
@_format_option
def sql(query: str | None, params: tuple[str, ...], schema: str, listing: bool, form: str | None) -> None:
    """Ask the newest replica: SQL text, the NAME of a query in sql/queries, or - for SQL on standard input."""
    from pipeline import output, queries, settings

    if listing:
        output.show(queries.named(), output.chosen(form))
        return
    if query == "-":
        query = sys.stdin.read()
    if not query:
        raise UsageError("spock sql needs a query: SQL text, or a name that `spock sql --list` shows")
    found = queries.run(settings.home(), query, params=queries.parameters(params), schema=schema)
    output.show(found, output.chosen(form))


@spock.group()
def config() -> None:
    """Settings as they are resolved."""


@config.command("show")
@click.argument("region")
@_format_option
def config_show(region: str, form: str | None) -> None:
    """The resolved settings of a region, secrets masked."""
    import json

    from pipeline import output, settings

    described = settings.describe(region)
    if output.chosen(form) == "json":
        click.echo(json.dumps(described, ensure_ascii=False, indent=2, default=str))
        return
    rows = [{"setting": path, "value": value} for path, value in settings.flattened(described)]
    output.show(rows, output.chosen(form))


@spock.group()
def calendar() -> None:
    """Trading calendars."""


@calendar.command("build")
def calendar_build() -> None:
    """Generate the packaged calendars anew from their sources and our overrides."""
    from pipeline.calendar_build import build

    for path in build():
        click.echo(path)


@spock.command()
@_format_option
def doctor(form: str | None) -> None:
    """Check keys, folders, disk, clock, calendars and the store; says what to do. Exit code 1 where something is wrong."""
    from pipeline import doctor as checks
    from pipeline import output

    findings = checks.examine()
    output.show([finding.as_dict() for finding in findings], output.chosen(form))
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)


@spock.command()
def publish() -> None:
    """Publish a replica of the store as it stands."""
    click.echo(_nights(None, None).publish([]))


@spock.command()
@click.option("--port", default=8800, show_default=True, help="Port on 127.0.0.1; 0 picks a free one.")
@click.option("--paper-port", type=int, help="Also serve the paper host there.")
@click.option("--data", metavar="DIR", help="Serve real bars: DIR/REGION/TICKER.csv, and DIR/universe.csv if there.")
@click.option("--tickers", default=12, show_default=True, help="Followed listings of the generated market.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated market.")
@click.option("--no-limits", is_flag=True, help="Count requests, refuse none.")
@click.option("--now", metavar="ISO", help="Freeze the sandbox's clock there. Default: the wall clock.")
def sandbox(
    port: int, paper_port: int | None, data: str | None, tickers: int, seed: int, no_limits: bool, now: str | None
) -> None:
    """Serve the providers' wire on this machine, over a generated market or a folder of real bars.

    Point a home at it with SPOCK_SANDBOX_URL=http://127.0.0.1:8800; no key is needed.
    """
    from pathlib import Path

    from adapters.sandbox.server import Sandbox
    from pipeline.clock import parse_now

    server = Sandbox(
        port=port,
        paper_port=paper_port,
        tickers=tickers,
        data=None if data is None else Path(data),
        enforce_limits=not no_limits,
        now=None if now is None else parse_now(now, "--now"),
        seed=seed,
    )
    click.echo(f"sandbox on {server.url}" + (f", paper host on {server.paper_url}" if server.paper_url else ""))
    sys.stdout.flush()
    server.serve_forever()


@spock.command()
@click.option("--tickers", default=12, show_default=True, help="Listings of the generated market.")
@click.option("--sessions", default=300, show_default=True, help="Sessions of history.")
@click.option("--keep", is_flag=True, help="Keep what an earlier demo left in the home instead of beginning anew.")
def demo(tickers: int, sessions: int, keep: bool) -> None:
    """A whole night for KR against our own sandbox: no key, no network. Home: data/demo."""
    from pipeline import demo as night

    sys.exit(night.run(tickers=tickers, sessions=sessions, keep=keep))


def _nights(now: str | None, form: str | None) -> Nights:
    from pipeline import settings
    from pipeline.nightly import Nights

    return Nights(settings.home(), _clock(now), _progress(form))


def _clock(now: str | None) -> Clock:
    from pipeline import clock, settings

    def of_sandbox() -> Any:
        from adapters.sandbox.control import fetch_info

        url = settings.sandbox_url()
        return None if url is None else fetch_info(url).now

    return clock.resolve(now, of_sandbox)


def _progress(form: str | None) -> Progress:
    from pipeline.progress import JsonLines

    if form in (None, "table") and sys.stderr.isatty():
        from pipeline.terminal import Bars

        return Bars()
    return JsonLines()


def _finish(results: list[Result], form: str | None) -> None:
    """Print one object a region and end with the worst exit code."""
    from pipeline import output
    from pipeline.nightly import exit_code

    shape = output.chosen(form)
    rows = [result.as_dict() for result in results]
    if shape == "table":
        columns = ("region", "status", "sessions", "tickers", "rows", "explained", "refused", "coverage", "requests", "seconds")
        output.show([{name: row[name] for name in columns} for row in rows], shape)
        for row in rows:
            for note in [row.get("error"), *row.get("notes", ())]:
                if note:
                    click.echo(f"{row['region']}: {note}", err=True)
    else:
        output.show(rows, "ndjson" if shape == "json" else shape)
    code = exit_code(results)
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main()
