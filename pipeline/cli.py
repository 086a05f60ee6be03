"""The command line: what `spock` is made of, and how its errors end.

Exit codes: 0 ok, 1 failed, 2 usage, 3 below coverage or too early.
"""

from __future__ import annotations

import sys

import rich_click as click

from pipeline import __version__
from pipeline.commands import calendar, doctor, moving, nights, questions, runs, sandbox, settings, tickers
from pipeline.errors import SpockError

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


for command in (
    *(nights.nightly, nights.backfill, nights.plan, nights.publish),
    *(questions.status, questions.sql, runs.runs, tickers.ticker),
    *(moving.import_, moving.export),
    *(settings.config, calendar.calendar, doctor.doctor),
    *(sandbox.sandbox, sandbox.demo),
):
    spock.add_command(command)


if __name__ == "__main__":
    main()
