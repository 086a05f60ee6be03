"""One basis a series: what a second provider's rows become, and what it takes to prove that they are as traded."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from adapters import factory
from adapters.base import History, Instrument, MarketAdapter
from adapters.sandbox import control
from pipeline import settings
from pipeline.attempts import AttemptLog
from pipeline.collect.basis import as_traded, is_as_traded
from pipeline.collect.inquiry import Inquiry
from pipeline.collect.plan import STORED as BASES_STORED
from pipeline.collect.plan import Plan
from pipeline.collect.spool import Unit
from pipeline.frames import ACTIONS, BARS, REFUSED
from pipeline.store import Store

SEOUL = ZoneInfo("Asia/Seoul")
DAYS = [dt.date(2026, 4, day) for day in (6, 7, 8, 9, 10, 13)]


def bars(provider: str, closes: dict[int, float]) -> pl.DataFrame:
    """A row for each of `closes`, by position in `DAYS`."""
    basis, through = ("raw", None) if provider == "kis" else ("split_adjusted", DAYS[-1])
    rows = [
        ("KR", "0101A0", DAYS[place], close, close, close, close, 100, None, "KRW", provider, basis, through)
        for place, close in closes.items()
    ]
    return pl.DataFrame(rows, BARS, orient="row")


def actions(*told: tuple[str, dt.date]) -> pl.DataFrame:
    """Corporate actions of the ticker: (kind, ex-date)."""
    rows = [
        ("KR", "0101A0", day, kind, None, 1.0, 1.0, True, None, None, "confirmed", "chart", "yfinance") for kind, day in told
    ]
    return pl.DataFrame(rows, ACTIONS, orient="row")


STORED = {0: 100.0, 1: 101.0, 2: 102.0}
SAME = {1: 101.0, 2: 102.0}


@pytest.mark.parametrize(
    ("came", "told", "proven"),
    [
        pytest.param({**SAME, 3: 103.0}, (), True, id="the rows beside the new one agree"),
        pytest.param(SAME, (), True, id="nothing new"),
        pytest.param({1: 101.01, 2: 102.0, 3: 103.0}, (), True, id="within a basis point"),
        pytest.param({1: 101.02, 2: 102.0, 3: 103.0}, (), False, id="two basis points"),
        pytest.param({1: 20.2, 2: 20.4, 3: 20.6}, (), False, id="a split since what is stored"),
        pytest.param({3: 103.0, 4: 104.0}, (), False, id="nothing to compare with"),
        pytest.param({**SAME, 3: 103.0}, (("split", DAYS[4]),), False, id="a split after the first new row"),
        pytest.param({**SAME, 3: 103.0}, (("split", DAYS[3]),), True, id="a split from the first new row on"),
        pytest.param({**SAME, 3: 103.0}, (("cash", DAYS[4]),), True, id="a dividend moves no share count"),
    ],
)
def test_rows_are_as_traded_when_all_that_is_stored_beside_them_says_so(
    came: dict[int, float], told: tuple[tuple[str, dt.date], ...], proven: bool
) -> None:
    assert is_as_traded(bars("yfinance", came), actions(*told), bars("kis", STORED)) is proven


def test_proven_rows_are_raw_and_confirm_the_stored_ones_as_they_stand() -> None:
    found = as_traded(bars("yfinance", {1: 101.01, 2: 102.0, 3: 103.0}), bars("kis", STORED))

    new = bars("yfinance", {3: 103.0}).with_columns(basis=pl.lit("raw"), adjusted_through=pl.lit(None, dtype=pl.Date))
    assert found.equals(pl.concat([bars("kis", SAME), new]))


# part answers ------------------------------------------------------------------------------------------------------------


@dataclass
class Paged(MarketAdapter):
    """Gives the rows of `days`; the walk ends before the range does, from the question number `in_part_from` on."""

    days: Sequence[dt.date]
    in_part_from: int
    provider: str = "kis"
    asked: list[tuple[dt.date, dt.date]] = field(default_factory=list)

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        self.asked.append((start, end))
        rows = {place: 100.0 for place, day in enumerate(DAYS) if day in self.days and start <= day <= end}
        whole = len(self.asked) < self.in_part_from
        return History(bars("kis", rows), REFUSED.to_frame(), exhausted=whole, pages=1)


@pytest.mark.parametrize(
    ("start", "in_part_from", "asked", "came"),
    [
        pytest.param(4, 9, [(4, 5), (0, 5)], True, id="the whole range came"),
        pytest.param(4, 2, [(4, 5), (0, 5)], False, id="the whole range came in part"),
        pytest.param(0, 9, [(0, 5)], True, id="the plan asked for the whole range"),
        pytest.param(0, 1, [(0, 5), (0, 5)], False, id="what the plan asked for came in part, twice"),
    ],
)
def test_no_part_of_a_range_is_taken_beside_bars_of_another_basis(
    start: int,
    in_part_from: int,
    asked: list[tuple[int, int]],
    came: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Yahoo's bars of the first five days stand; KIS answers."""
    adapter = Paged(DAYS, in_part_from)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path))
    monkeypatch.setattr(factory, "OPENERS", {"kis": lambda config, *, on_attempt: adapter})
    factory.reset()
    unit = Unit(SPLIT, "XKRX", "KRW", DAYS[start], DAYS[-1], known_before=True, listed_from=None)
    stored = pl.DataFrame([(SPLIT, "split_adjusted", DAYS[0], DAYS[4])], BASES_STORED, orient="row")
    nothing = pl.DataFrame()
    plan = Plan("KR", DAYS[start], DAYS[-1], nothing, nothing, (unit,), (), 0, None, stored=stored)
    store = Store(tmp_path)
    with store.write():
        pass
    inquiry = Inquiry(settings.get_config("KR"), plan, store, AttemptLog("run", "KR"), lambda _: None)

    answers = list(inquiry.answers())
    factory.reset()

    assert adapter.asked == [(DAYS[first], DAYS[last]) for first, last in asked]
    assert [answer.bars["date"].to_list() for answer in answers] == [DAYS] * came
    assert [failed.ticker for failed in inquiry.failures] == [SPLIT] * (not came)


# whole nights -------------------------------------------------------------------------------------------------------------

#: 0101A0 splits five for one on Monday 2026-04-13.
FRIDAY, MONDAY, TUESDAY = DAYS[-2], DAYS[-1], dt.date(2026, 4, 14)
SPLIT = "0101A0"


def evening(home: Any, server: Any, day: dt.date) -> None:
    """Nine in the evening of `day`; yesterday's token is long forgotten."""
    control.set_clock(server.url, dt.datetime.combine(day, dt.time(21), SEOUL))
    shutil.rmtree(home.state_dir / "tokens", ignore_errors=True)


def series(home: Any) -> pl.DataFrame:
    """What stands of every ticker, without the run that wrote it."""
    return home.table("ohlcv_data").drop("run_id", "known_at").sort("ticker", "date")


def kinds(home: Any) -> dict[str, list[tuple[str, str]]]:
    """By ticker, the providers and bases of its series."""
    pairs = home.table("ohlcv_data").select("ticker", "provider", "basis").unique().sort("ticker", "provider").rows()
    return {ticker: [(one[1], one[2]) for one in pairs if one[0] == ticker] for ticker, _, _ in pairs}


def test_a_night_without_the_first_provider_keeps_each_series_in_one_basis_and_the_next_brings_it_back(
    night_home: Callable[..., Any], tools: Any
) -> None:
    both = {name: '["kis", "yfinance"]' for name in tools.kis_alone if name.startswith("SPOCK_REGIONS__KR__")}
    start = dt.datetime.combine(FRIDAY, dt.time(21), SEOUL)
    hasty = {"SPOCK_TRANSPORT__ATTEMPTS": "1", "SPOCK_TRANSPORT__BREAKER_FAILURES": "500"}
    home, server = night_home(environment={**both, **hasty}, now=start)
    clean, other = night_home("clean", now=start)
    for one in (home, clean):
        assert one.inside("nightly", "KR").code == 0
    friday = series(home)

    evening(home, server, MONDAY)
    control.set_fault(server.url, kind="http_500", tr=tools.bars_tr, seconds=600)
    away = home.inside("nightly", "KR")

    assert (away.code, away.row["coverage"], set(away.row["requests"])) == (0, 1.0, {"kis", "yfinance"}), away.out
    found = kinds(home)
    assert found.pop(SPLIT) == [("yfinance", "split_adjusted")]
    assert set(map(tuple, found.values())) == {(("kis", "raw"), ("yfinance", "raw"))}
    assert any(note.startswith("yfinance answered for 1 tickers") and SPLIT in note for note in away.row["notes"])
    others = series(home).filter((pl.col("ticker") != SPLIT) & (pl.col("date") <= FRIDAY))
    assert others.equals(friday.filter(pl.col("ticker") != SPLIT))

    control.clear_faults(server.url)
    evening(home, server, TUESDAY)
    evening(clean, other, TUESDAY)
    back = home.inside("nightly", "KR")

    assert (back.code, clean.inside("nightly", "KR").code) == (0, 0), back.out
    assert kinds(home)[SPLIT] == [("kis", "raw")]
    fields = ("ticker", "date", "open", "high", "low", "close", "basis")
    assert series(home).select(fields).equals(series(clean).select(fields))
    again = home.inside("nightly", "KR")
    assert (again.code, again.row["requests"]) == (0, {})
