"""Commands that work on regions: nightly, backfill, plan, publish."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import rich_click as click

from pipeline.commands.options import clock_of, format_option, now_option, progress_of, regions_argument
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.nightly import Nights, Result
    from pipeline.settings import RegionConfig


@click.command()
@regions_argument
@click.option("--date", metavar="DAY", help="The session to collect, YYYY-MM-DD. Default: the newest final one.")
@click.option("--wait", is_flag=True, help="Too early? Wait until the session is final instead of ending with exit code 3.")
@now_option
@format_option
def nightly(regions: tuple[str, ...], date: str | None, wait: bool, now: str | None, form: str | None) -> None:
    """Collect what is missing since the last complete session, check it, commit it, publish a replica.

    Run it again after a kill or a failure: it goes on where it was. On an empty home it first fetches the ticker list and
    `collect.initial_sessions` sessions of history.
    """
    from pipeline.clock import parse_day

    day = None if date is None else parse_day(date, "--date")
    nights = _nights(now, form)
    _finish(nights, nights.nightly(regions, date=day, wait=wait, look=lambda: clock_of(now)), form)


@click.command()
@regions_argument
@click.option("--days", type=int, metavar="N", help="So many sessions, up to --until.")
@click.option("--from", "first", metavar="DAY", help="First day, YYYY-MM-DD.")
@click.option("--until", metavar="DAY|-N", help="Last day, or N sessions before the newest final one (the default).")
@now_option
@format_option
def backfill(
    regions: tuple[str, ...], days: int | None, first: str | None, until: str | None, now: str | None, form: str | None
) -> None:
    """Collect history: `--days N` sessions, or `--from DAY [--until DAY]`. Only what is not stored yet is asked for."""
    from pipeline.backfill import backfill_range
    from pipeline.clock import parse_day

    if (days is None) == (first is None):
        raise UsageError("a backfill needs either --days N or --from DAY")
    day = None if first is None else parse_day(first, "--from")
    nights = _nights(now, form)

    def span(config: RegionConfig) -> tuple[dt.date, dt.date]:
        return backfill_range(config, nights.clock.now, days=days, first=day, until=until)

    _finish(nights, nights.backfill(regions, span), form)


@click.command()
@regions_argument
@click.option("--date", metavar="DAY", help="Plan the night for this session.")
@now_option
@format_option
def plan(regions: tuple[str, ...], date: str | None, now: str | None, form: str | None) -> None:
    """Show what a night would ask, in requests and seconds; asks nothing and changes nothing."""
    from pipeline import output
    from pipeline.clock import parse_day

    day = None if date is None else parse_day(date, "--date")
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


@click.command()
def publish() -> None:
    """Publish a replica of the store as it stands."""
    click.echo(_nights(None, None).publish([]))


def _nights(now: str | None, form: str | None) -> Nights:
    from pipeline import settings
    from pipeline.nightly import Nights

    return Nights(settings.home(), clock_of(now), progress_of(form))


def _finish(nights: Nights, results: list[Result], form: str | None) -> None:
    """Print one object a region, on a terminal with the day's page in short, and end with the worst exit code."""
    from pipeline import output, report
    from pipeline.nightly import exit_code
    from pipeline.outcome import Outcome

    shape = output.chosen(form)
    rows = [result.as_dict() for result in results]
    if shape == "table":
        columns = ("region", "status", "sessions", "tickers", "rows", "explained", "refused", "coverage", "requests", "seconds")
        output.show([{name: row[name] for name in columns} for row in rows], shape)
        days = {result.as_of.astimezone(dt.UTC).date() for result in results if isinstance(result, Outcome)}
        for day in sorted(days):
            if report.path(nights.home, day).exists():
                report.summary.show(report.gather(nights.home, day), nights.home)
        for row in rows:
            error = row["error"] or ""
            for note in [error, *(note for note in row.get("notes", ()) if note not in error)]:
                if note:
                    click.echo(f"{row['region']}: {note}", err=True)
    else:
        output.show(rows, "ndjson" if shape == "json" else shape)
    code = exit_code(results)
    if code:
        sys.exit(code)
