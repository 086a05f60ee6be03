"""Commands to try Spock without a key: sandbox, demo."""

from __future__ import annotations

import sys

import rich_click as click


@click.command()
@click.option("--port", default=8800, show_default=True, help="Port on 127.0.0.1; 0 picks a free one.")
@click.option("--paper-port", type=int, help="Also serve the paper host there; 0 picks a free port.")
@click.option("--data", metavar="DIR", help="Serve real bars: DIR/REGION/TICKER.csv, and DIR/universe.csv if there.")
@click.option("--tickers", default=90, show_default=True, help="Followed listings of all generated markets together.")
@click.option("--regions", default="KR,US,CN,HK,JP,VN,AU,UK,EU", show_default=True, help="The regions it serves.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated market.")
@click.option("--no-limits", is_flag=True, help="Count requests, refuse none.")
@click.option("--now", metavar="ISO", help="Freeze the sandbox's clock there. Default: the wall clock.")
def sandbox(
    port: int,
    paper_port: int | None,
    data: str | None,
    tickers: int,
    regions: str,
    seed: int,
    no_limits: bool,
    now: str | None,
) -> None:
    """Serve the providers' wire on this machine, over a generated market or a folder of real bars.

    Point a home at it with SPOCK_SANDBOX_URL=http://127.0.0.1:8800; no key is needed.
    """
    from pathlib import Path

    from adapters.sandbox.server import Sandbox
    from pipeline import settings
    from pipeline.clock import parse_now

    server = Sandbox(
        port=port,
        paper_port=paper_port,
        tickers=tickers,
        regions=tuple(dict.fromkeys(settings.resolve_region(name) for name in regions.split(","))),
        data=None if data is None else Path(data),
        enforce_limits=not no_limits,
        now=None if now is None else parse_now(now, "--now"),
        seed=seed,
    )
    click.echo(f"sandbox on {server.url}" + (f", paper host on {server.paper_url}" if server.paper_url else ""))
    sys.stdout.flush()
    server.serve_forever()


@click.command()
@click.option("--tickers", default=90, show_default=True, help="Followed listings of all generated markets together.")
@click.option("--sessions", default=300, show_default=True, help="Sessions of history.")
@click.option("--keep", is_flag=True, help="Keep what an earlier demo left in the home instead of beginning anew.")
def demo(tickers: int, sessions: int, keep: bool) -> None:
    """A whole night of all nine regions against our own sandbox: no key, no network. Home: data/demo."""
    from pipeline import demo as night

    sys.exit(night.run(tickers=tickers, sessions=sessions, keep=keep))
