"""Commands that move bars between files and the store: import, export."""

from __future__ import annotations

import sys

import rich_click as click

from pipeline.commands.options import clock_of, format_option, now_option, progress_of
from pipeline.importing.kinds import BASES, KINDS, Basis, Kind


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--region", help="Whose bars they are, where the file has no column region.")
@click.option(
    "--basis",
    type=click.Choice(BASES),
    default="unknown",
    show_default=True,
    help="What the prices are, where the file does not say it.",
)
@click.option("--adjusted-through", metavar="DAY", help="split_adjusted: the last day whose splits the prices contain.")
@click.option(
    "--provider",
    default="import",
    show_default=True,
    help="Whose they are, where the file does not say it: no provider of the settings.",
)
@click.option("--currency", metavar="CODE", help="Currency of the prices, major unit. Default: the region's.")
@click.option("--venue", metavar="MIC", help="Venue of tickers that nobody lists yet. Default: the region's main one.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@now_option
@format_option
def import_(
    kind: Kind,
    files: tuple[str, ...],
    region: str | None,
    basis: Basis,
    adjusted_through: str | None,
    provider: str,
    currency: str | None,
    venue: str | None,
    dry_run: bool,
    now: str | None,
    form: str | None,
) -> None:
    """Import daily bars from FILEs: the original system's SQLite, CSV, or Parquet such as `spock export` writes.

    Every row passes the rules of a night. What stands in the store is never replaced: rows that differ from it are told and
    left. The same file again changes nothing. Exit code 3 where rows were refused or differ.
    """
    from pathlib import Path

    from pipeline import output, settings
    from pipeline.clock import parse_day
    from pipeline.importing.importer import Importer
    from pipeline.importing.result import exit_code
    from pipeline.importing.wanted import Wanted

    wanted = Wanted(
        kind=kind,
        region=None if region is None else settings.resolve_region(region),
        basis=basis,
        adjusted_through=None if adjusted_through is None else parse_day(adjusted_through, "--adjusted-through"),
        provider=provider,
        currency=currency,
        venue=venue,
        dry_run=dry_run,
    )
    results = Importer(settings.home(), clock_of(now), wanted, progress_of(form)).work([Path(name) for name in files])
    shape = output.chosen(form)
    rows = [result.as_dict() for result in results]
    if shape == "table":
        figures = ("read", "stored", "same", "conflicts", "explained", "refused", "tickers", "first", "last")
        columns = ("file", "region", "status", *figures)
        output.show([{name: row[name] for name in columns} for row in rows], shape)
        for result in results:
            for note in result.notes:
                click.echo(f"{result.file}, {result.region}: {note}", err=True)
    else:
        output.show(rows, shape)
    refused = sum(result.refused + result.conflicts for result in results)
    if refused:
        seen = "would be refused" if dry_run else "were refused or differ from the store: `spock sql refused` shows them"
        click.echo(f"{refused:,} rows {seen}", err=True)
    code = exit_code(results)
    if code:
        sys.exit(code)


@click.command()
@click.option("--region", required=True, help="Whose bars.")
@click.option("--ticker", "tickers", multiple=True, help="Only this ticker; may be given again. Default: all.")
@click.option("--from", "first", metavar="DAY", help="First day, YYYY-MM-DD. Default: the oldest bar.")
@click.option("--to", "last", metavar="DAY", help="Last day, YYYY-MM-DD. Default: the newest bar.")
@click.option("--adjusted", is_flag=True, help="Share-count adjusted prices instead of bars as they are stored.")
@click.option("-o", "--output", "target", required=True, metavar="FILE", help="FILE.parquet or FILE.csv.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@format_option
def export(
    region: str,
    tickers: tuple[str, ...],
    first: str | None,
    last: str | None,
    adjusted: bool,
    target: str,
    force: bool,
    form: str | None,
) -> None:
    """Export daily bars of the newest replica to a Parquet or CSV file that `spock import` takes back."""
    from pathlib import Path

    from pipeline import exporting, output, settings
    from pipeline.clock import parse_day

    done = exporting.export(
        settings.home(),
        exporting.Asked(
            region=settings.resolve_region(region),
            tickers=tickers,
            first=None if first is None else parse_day(first, "--from"),
            last=None if last is None else parse_day(last, "--to"),
            adjusted=adjusted,
        ),
        Path(target),
        overwrite=force,
    )
    shape = output.chosen(form)
    row = done.as_dict()
    if shape == "table":
        for note in row.pop("notes"):
            click.echo(note, err=True)
    output.show([row], shape)
