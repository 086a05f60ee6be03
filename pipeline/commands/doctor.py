"""The command that checks an installation."""

from __future__ import annotations

import sys

import rich_click as click

from pipeline.commands.options import format_option


@click.command()
@click.option("--online", is_flag=True, help="Also compare this machine's clock with the providers'; no key is sent.")
@format_option
def doctor(online: bool, form: str | None) -> None:
    """Check keys, folders, disk, clock, calendars, limits and the store, and say what to do.

    Exit code 1 where something is wrong.
    """
    from pipeline import doctor as checks
    from pipeline import output

    findings = checks.examine(online=online)
    output.show([finding.as_dict() for finding in findings], output.chosen(form))
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)
