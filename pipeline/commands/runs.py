"""The commands that tell of runs."""

from __future__ import annotations

import rich_click as click

from pipeline.commands.options import format_option


@click.group(invoke_without_command=True)
@click.option("--region", help="Only this region's runs.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000_000), help="So many, newest first.")
@format_option
@click.pass_context
def runs(context: click.Context, region: str | None, limit: int, form: str | None) -> None:
    """List runs, newest first, as the operations database has them; `show` tells all of one."""
    from pipeline import output, settings
    from pipeline.state import State

    if context.invoked_subcommand is not None:
        return
    code = None if region is None else settings.resolve_region(region)
    state = State(settings.home())
    try:
        output.show(state.runs(code, limit), output.chosen(form))
    finally:
        state.close()


@runs.command("show")
@click.argument("run_id", metavar="ID")
@format_option
def show(run_id: str, form: str | None) -> None:
    """Tell all of one run: its stages, requests, open cells, refused rows and commits."""
    import json

    from pipeline import output, run_record, settings

    record = run_record.read(settings.home(), run_id)
    shape = output.chosen(form)
    if shape in ("json", "ndjson"):
        click.echo(json.dumps(record, ensure_ascii=False, default=str, indent=2 if shape == "json" else None))
        return
    if shape == "csv":  # sections have columns of their own: one value a line
        output.show([{"what": path, "value": value} for path, value in settings.flattened(record)], shape)
        return
    for name, rows in record.items():
        if isinstance(rows, list):
            left = record["left_out"].get(name, 0)
            title = name.replace("_", " ") + (f" (and {left:,} more)" if left else "")
            if rows:
                output.show(rows, shape, title=title)
            else:
                click.echo(f"{title}: none")
        elif name == "run":
            told = [{"what": key, "value": value} for key, value in rows.items() if value is not None]
            output.show(told, shape, title=run_id)
    click.echo(f"report  {record['report'] or 'none yet'}")
