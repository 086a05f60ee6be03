"""Commands about settings and calendars."""

from __future__ import annotations

import rich_click as click

from pipeline.commands.options import format_option


@click.group()
def config() -> None:
    """Settings as they are resolved."""


@config.command("show")
@click.argument("region")
@format_option
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
