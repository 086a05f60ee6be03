"""Commands that only read: status, sql."""

from __future__ import annotations

import sys

import rich_click as click

from pipeline.commands.options import format_option
from pipeline.errors import UsageError


@click.command()
@format_option
def status(form: str | None) -> None:
    """Where each region stands: last complete session, coverage, rows, and the newest replica."""
    from pipeline import output, places, queries

    output.show(queries.region_standings(places.home()), output.chosen(form), title=str(places.home()))


# SQL may begin with a comment, which looks like an option to click.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", metavar="SQL|NAME|-", required=False)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the query ($NAME).")
@click.option("--schema", default="main", show_default=True, help="`original`: the original system's tables.")
@click.option("--list", "listing", is_flag=True, help="List the named queries.")
@format_option
def sql(query: str | None, params: tuple[str, ...], schema: str, listing: bool, form: str | None) -> None:
    """Ask the newest replica: SQL text, the NAME of a query in sql/queries, or - for SQL on standard input."""
    from pipeline import output, places, queries

    if listing:
        output.show(queries.named(), output.chosen(form))
        return
    if query == "-":
        query = sys.stdin.read()
    if not query:
        raise UsageError("spock sql needs a query: SQL text, or a name that `spock sql --list` shows")
    found = queries.run(places.home(), query, params=queries.parameters(params), schema=schema)
    output.show(found, output.chosen(form))
