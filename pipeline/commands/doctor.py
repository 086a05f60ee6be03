"""The command that checks an installation."""

from __future__ import annotations

import sys

import rich_click as click

from pipeline.commands.options import format_option


@click.command()
@format_option
def doctor(form: str | None) -> None:
    """Check keys, folders, disk, clock, calendars and the store; says what to do. Exit code 1 where something is wrong."""
    from pipeline import doctor as checks
    from pipeline import output

    findings = checks.examine()
    output.show([finding.as_dict() for finding in findings], output.chosen(form))
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)
