"""Commands about single listings: ticker find, add, remove, reset."""

from __future__ import annotations

import rich_click as click

from pipeline.commands.options import clock_of, format_option


@click.group()
def ticker() -> None:
    """Find listings; follow one that the universe rule leaves out, or leave one out that it follows."""


@ticker.command("find")
@click.argument("text")
@click.option("--region", help="Only this region's listings.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="So many, the nearest first.")
@format_option
def find(text: str, region: str | None, limit: int, form: str | None) -> None:
    """List what answers TEXT: a ticker, an ISIN or a part of a name, in any case."""
    from pipeline import output, settings, tickers

    output.show(tickers.find(settings.home(), text, region=region, limit=limit), output.chosen(form))


@ticker.command("add")
@click.argument("region")
@click.argument("names", nargs=-1, required=True, metavar="TICKER…")
@format_option
def add(region: str, names: tuple[str, ...], form: str | None) -> None:
    """Follow TICKER… of REGION from the next night on, whatever the universe rule says."""
    _choose(region, names, "follow", form)


@ticker.command("remove")
@click.argument("region")
@click.argument("names", nargs=-1, required=True, metavar="TICKER…")
@format_option
def remove(region: str, names: tuple[str, ...], form: str | None) -> None:
    """Leave TICKER… of REGION out from now on, whatever the universe rule says; bars that are stored stay."""
    _choose(region, names, "ignore", form)


@ticker.command("reset")
@click.argument("region")
@click.argument("names", nargs=-1, required=True, metavar="TICKER…")
@format_option
def reset(region: str, names: tuple[str, ...], form: str | None) -> None:
    """Forget what was chosen for TICKER… of REGION: from the next list on the universe rule and the watchlist decide again."""
    from pipeline import output, settings, tickers

    output.show(tickers.reset(settings.home(), region, names), output.chosen(form))


def _choose(region: str, names: tuple[str, ...], choice: str, form: str | None) -> None:
    from pipeline import output, settings, tickers

    output.show(tickers.choose(settings.home(), region, names, choice=choice, now=clock_of(None).now), output.chosen(form))
