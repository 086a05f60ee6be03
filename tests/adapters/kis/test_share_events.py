"""Share-count events of KRX daily rows: real bases and closes, with the codes the field table gives their kinds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.base import ACTIONS, Instrument
from adapters.kis.share_events import Mark, ShareEvent, frame, share_events

WHOLE_MARKET = Path(__file__).parents[4] / "shared" / "data" / "whole_market" / "KR_2023_2024_windows.parquet"
DAY = dt.date(2024, 1, 8)

Told = tuple[str, float | None, float, float, str]


def mark(base: float | None, close: float, rights: str = "00", reason: str = "00", quotient: float | None = None) -> Mark:
    """A row's mark; `prtt_rate` as the field table defines it unless given."""
    if quotient is None:
        quotient = 0.0 if base in (None, close) else round(base / close, 2)
    return Mark(base, rights, reason, quotient)


def told(one: Mark, close: float | None) -> list[Told]:
    found = share_events({DAY: one}, lambda *_: close)
    return [(event.kind, event.ratio, event.price_factor, event.volume_factor, event.status) for event in found]


@pytest.mark.parametrize(
    ("base", "close", "codes", "event"),
    [
        pytest.param(53_000, 2_650_000, {}, ("split", 50.0, 0.02, 50.0, "confirmed"), id="005930 2018-05-04"),
        pytest.param(111_600, 558_000, {}, ("split", 5.0, 0.2, 5.0, "confirmed"), id="035720 2021-04-15"),
        pytest.param(10_760, 3_585, {}, ("consolidation", 1 / 3, 3.0, 1 / 3, "confirmed"), id="003560 2024-01-04"),
        pytest.param(2_150, 215, {}, ("consolidation", 0.1, 10.0, 0.1, "confirmed"), id="089230 2024-02-13"),
        pytest.param(17_600, 52_800, {"rights": "01"}, ("bonus", 3.0, 1 / 3, 3.0, "confirmed"), id="079370 2024-01-16"),
        pytest.param(12_030, 24_050, {"rights": "01"}, ("bonus", 2.0, 0.5, 2.0, "confirmed"), id="358570 2024-01-19"),
        pytest.param(11_250, 22_450, {"rights": "04"}, ("bonus", 2.0, 0.5, 2.0, "confirmed"), id="311320 2023-01-11"),
        pytest.param(9_720, 10_700, {"rights": "01"}, ("rights", None, 9_720 / 10_700, 1.0, "confirmed"), id="001440"),
        pytest.param(14_600, 18_950, {"rights": "01"}, ("rights", None, 14_600 / 18_950, 1.0, "confirmed"), id="095700"),
        pytest.param(640, 1_000, {"rights": "01"}, ("bonus", 1.5625, 0.64, 1.5625, "inferred"), id="own shares left out"),
        pytest.param(800, 1_000, {"rights": "02"}, ("stock_dividend", 1.25, 0.8, 1.25, "confirmed"), id="in shares"),
        pytest.param(8_000, 10_000, {}, ("split", 1.25, 0.8, 1.25, "inferred"), id="a quotient without a code"),
        # A base set anew: the quotient is no factor. Shares of the company: 0.5, 0.2, 0.75, and 0.63 in a demerger.
        pytest.param(1_865, 953, {"reason": "02"}, ("capital_cut", None, 1.0, 1.0, "inferred"), id="131400 2023-01-03"),
        pytest.param(1_674, 312, {"reason": "02"}, ("capital_cut", None, 1.0, 1.0, "inferred"), id="076610 2024-01-08"),
        pytest.param(1_300, 1_064, {}, ("consolidation", None, 1.0, 1.0, "inferred"), id="043590 2024-01-19"),
        pytest.param(4_880, 5_730, {"reason": "01"}, ("spin_off", None, 1.0, 1.0, "inferred"), id="033290 2024-02-02"),
        pytest.param(2_600, 2_210, {"reason": "99"}, ("merger", None, 1.0, 1.0, "inferred"), id="388220 2023-02-03"),
        pytest.param(9_000, 10_000, {"reason": "05"}, ("special", None, 1.0, 1.0, "inferred"), id="a large dividend"),
        pytest.param(1_000, 10_000, {"reason": "07"}, ("split", 10.0, 0.1, 10.0, "inferred"), id="an ETN split"),
        pytest.param(9_900, 10_000, {"rights": "03"}, ("special", None, 1.0, 1.0, "inferred"), id="a distribution"),
        pytest.param(10_100, 10_000, {"rights": "01"}, ("rights", None, 1.0, 1.0, "inferred"), id="a base above the close"),
        pytest.param(53_000, 2_650_000, {"quotient": 0.5}, ("split", None, 1.0, 1.0, "inferred"), id="codes against the base"),
        pytest.param(None, 10_000, {"rights": "01"}, ("rights", None, 1.0, 1.0, "inferred"), id="a base that can't be read"),
    ],
)  # fmt: skip
def test_an_event_is_what_its_base_and_its_codes_say(
    base: float | None, close: float, codes: dict[str, Any], event: Told
) -> None:
    assert told(mark(base, close, **codes), close) == [event]


@pytest.mark.parametrize(
    ("one", "close"),
    [
        pytest.param(mark(51_900, 51_900), 51_900, id="an ordinary day"),
        pytest.param(mark(51_900, 51_900, rights="02"), 51_900, id="a dividend in cash"),
        pytest.param(mark(51_900, 51_900, reason="02"), 51_900, id="a reason without a new base"),
        pytest.param(mark(3_600, 3_150, reason="03"), 3_150, id="001140 2024-02-02: a long halt"),
        pytest.param(Mark(1_331, "00", "00", 0.0), 1_335, id="141020 2023-01-26: the price unit changed"),
        pytest.param(Mark(53_000, "00", "00", 0.0), 2_650_000, id="a plain ratio and no code: a unit error"),
        pytest.param(Mark(8_000, "00", "00", 0.0), 10_000, id="no code"),
        pytest.param(Mark(None, "00", "00", 0.0), 10_000, id="no code, no base"),
        pytest.param(mark(53_000, 2_650_000), None, id="nothing before it"),
        pytest.param(mark(53_000, 2_650_000), 0.0, id="no price before it"),
    ],
)
def test_what_is_no_event(one: Mark, close: float | None) -> None:
    assert told(one, close) == []


def test_every_plain_ratio_gives_factors_that_are_exact() -> None:
    """Closes of 1,000 ÷ ratio and 1,000 × ratio won, so that the base is the ratio itself."""
    for whole in range(2, 101):
        ((_, ratio, price, volume, _),) = told(mark(1_000, 1_000 * whole, quotient=round(1 / whole, 2)), 1_000 * whole)
        assert (ratio, price, volume) == (whole, 1 / whole, whole)
        ((_, ratio, price, volume, _),) = told(mark(1_000 * whole, 1_000), 1_000)
        assert (ratio, price, volume) == (1 / whole, whole, 1 / whole)


def test_events_become_rows_of_the_contract() -> None:
    events = share_events({DAY: mark(9_720, 10_700, rights="01")}, lambda *_: 10_700)
    rows = frame(
        [*events, ShareEvent(DAY, "split", 5.0, 0.2, 5.0, "confirmed", "…")], Instrument("KR", "001440", "XKRX", "KRW"), "kis"
    )
    assert rows.schema == ACTIONS
    assert rows.rows() == [
        (
            "KR", "001440", DAY, "rights", None, 9_720 / 10_700, 1.0, False, None, None, "confirmed",
            "daily rows: base 9720, close before 10700; flng_cls_code 01, revl_issu_reas 00, prtt_rate 0.91", "kis",
        ),
        ("KR", "001440", DAY, "split", 5.0, 0.2, 5.0, True, None, None, "confirmed", "…", "kis"),
    ]  # fmt: skip


@pytest.mark.skipif(not WHOLE_MARKET.exists(), reason="the shared data are not beside this checkout")
def test_the_plain_ratios_of_a_whole_market_are_those_of_its_share_counts() -> None:
    """156,126 pairs of neighbouring sessions; no code is known but the quotient, so a moved base is judged by its ratio."""
    rows = pl.read_parquet(WHOLE_MARKET).with_columns(pl.col("Date").str.to_date()).sort("Code", "Date")
    following = dict(zip((days := rows["Date"].unique().sort().to_list()), days[1:], strict=False))
    pairs = rows.with_columns(
        before=pl.col("Close").shift().over("Code"),
        last=pl.col("Date").shift().over("Code"),
        shares=pl.col("Stocks") / pl.col("Stocks").shift().over("Code"),
        base=pl.col("Close") - pl.col("Changes"),
    ).filter(
        (pl.col("last").replace_strict(following, default=None, return_dtype=pl.Date) == pl.col("Date"))
        & ((pl.col("Date") - pl.col("last")).dt.total_days() < 8)
    )
    moved = pairs.filter(pl.col("base") != pl.col("before"))
    found = {
        (code, date): (told(mark(base, before), before), shares)
        for code, date, base, before, shares in moved.select("Code", "Date", "base", "before", "shares").iter_rows()
    }
    events = {
        key: (event[0][:2], round(shares, 4)) for key, (event, shares) in found.items() if event and event[0][4] == "confirmed"
    }
    assert (pairs.height, moved.height, len(events)) == (156_126, 40, 15)
    # A consolidation changes the number of shares at once, a free issue weeks later when the new ones are listed.
    assert {key: shares for key, ((kind, _), shares) in events.items() if kind == "consolidation"} == {
        key: round(ratio, 4) for key, ((kind, ratio), _) in events.items() if kind == "consolidation" and ratio
    }
    assert {shares for (kind, _), shares in events.values() if kind == "split"} == {1.0}
    # The others whose shares changed that day had their base set anew: not one of them is taken for a ratio.
    others = {code for (code, date), (_, shares) in found.items() if (code, date) not in events and shares != 1.0}
    assert others == {"003070", "003075", "033290", "043590", "076610", "131400", "217480", "299910"}
