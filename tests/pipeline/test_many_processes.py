"""Many processes at once: nights of two regions, backfills, plans, on one home or on homes that share a key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl

from adapters.sandbox import control

BOTH = ("KR", "US")
HISTORY = {"KR": "FHKST03010100", "US": "HHDFS76240000"}
KEPT = {"per_second": 0, "per_minute": 0, "token": 0}


def at_once(*commands: Callable[[], Any]) -> list[Any]:
    """How commands that were started together ended."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return [started.result() for started in [pool.submit(command) for command in commands]]


def bars(home: Any) -> pl.DataFrame:
    """What stands, whoever wrote it."""
    return home.table("ohlcv_data").drop("run_id").sort("region", "ticker", "date")


def test_nights_backfills_and_a_plan_at_once_leave_what_one_after_the_other_leaves(
    make_home: Callable[..., Any], sandbox: Callable[..., Any]
) -> None:
    server = sandbox(regions=BOTH, enforce_limits=True, tickers=14)
    settings = {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "5"}
    together, alone = (make_home(name, state_dir="machine", **settings) for name in ("together", "alone"))

    ends = at_once(
        lambda: together.spock("nightly", "KR"),
        lambda: together.spock("nightly", "US"),
        lambda: together.spock("backfill", "KR", "--days", "20"),
        lambda: together.spock("backfill", "US", "--days", "20"),
        lambda: together.spock("plan", "KR", "US"),
    )

    assert [done.code for done in ends] == [0] * 5, [done.out + done.words for done in ends]
    report = control.report(server.url)
    assert (report["violations"], report["refused"]) == (KEPT, 0)
    assert report["tokens"] == {"issued": 1, "repeated": 0, "refused": 0}
    for region in ("KR", "US"):
        assert alone.inside("nightly", region).code == 0
        assert alone.inside("backfill", region, "--days", "20").code == 0
    assert bars(together).equals(bars(alone))
    assert bars(together)["region"].unique().sort().to_list() == ["KR", "US"]


def test_two_homes_with_one_key_share_its_limit_evenly(make_home: Callable[..., Any], sandbox: Callable[..., Any]) -> None:
    server = sandbox(regions=BOTH, enforce_limits=True, tickers=120)
    settings = {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "100"}
    homes = {region: make_home(region, state_dir="machine", **settings) for region in ("KR", "US")}

    ends = at_once(*(lambda region=region: homes[region].spock("nightly", region) for region in homes))

    assert [done.code for done in ends] == [0, 0], [done.out + done.words for done in ends]
    report = control.report(server.url, detail=True)
    assert (report["violations"], report["refused"], len(report["by_key"])) == (KEPT, 0, 1)
    assert report["tokens"]["issued"] == 1
    sent = {region: [row["at"] for row in report["detail"] if row["tr"] == tr] for region, tr in HISTORY.items()}
    both = max(times[0] for times in sent.values()), min(times[-1] for times in sent.values())
    shares = sorted(sum(both[0] <= at <= both[1] for at in times) for times in sent.values())
    # Both ask all the time: neither may wait for the other's end.
    assert shares[0] >= 0.7 * shares[1] >= 14, sent


def test_ten_starts_without_a_token_get_one(make_home: Callable[..., Any], sandbox: Callable[..., Any]) -> None:
    server = sandbox(regions=BOTH, enforce_limits=True, tickers=12)
    settings = {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "3"}
    regions = ["KR", "US"] * 5
    homes = [make_home(f"home{number}", state_dir="machine", **settings) for number in range(10)]

    pairs = zip(homes, regions, strict=True)
    ends = at_once(*(lambda home=home, region=region: home.spock("nightly", region) for home, region in pairs))

    assert [done.code for done in ends] == [0] * 10, [done.out + done.words for done in ends if done.code]
    report = control.report(server.url)
    assert (report["tokens"], report["violations"], report["refused"]) == (
        {"issued": 1, "repeated": 0, "refused": 0},
        KEPT,
        0,
    )


def test_a_region_at_work_keeps_no_reader_and_no_other_region_waiting(night_home: Callable[..., Any]) -> None:
    """A night that waits for its provider holds no lock: the other region's night and a reader go on beside it."""
    home, server = night_home(regions=BOTH, tickers=14, environment={"SPOCK_TRANSPORT__READ_TIMEOUT": "20"})
    assert home.inside("nightly", "KR").code == 0
    control.set_clock(server.url, dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC))
    control.set_fault(server.url, kind="silence", tr=HISTORY["KR"], seconds=600, delay=600)
    waiting = home.start("nightly", "KR")
    try:
        other = home.spock("nightly", "US")
        assert (other.code, other.row["status"]) == (0, "complete")
        assert home.inside("sql", "counts", "--format", "csv").out.splitlines()[2].startswith("US,")
        assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.communicate()
    control.clear_faults(server.url)
    assert home.inside("nightly", "KR").code == 0
