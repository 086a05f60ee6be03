"""The commands that tell of runs."""

from __future__ import annotations

import rich_click as click

from pipeline.commands.options import format_option


@click.command()
@click.option("--region", help="Only this region's runs.")
@click.option("--limit", default=20, show_default=True, help="So many, newest first.")
@format_option
def runs(region: str | None, limit: int, form: str | None) -> None:
    """List runs, newest first, as the operations database has them."""
    from pipeline import output, settings
    from pipeline.state import State

    code = None if region is None else settings.resolve_region(region)
    output.show(State(settings.home()).runs(code, limit), output.chosen(form))
