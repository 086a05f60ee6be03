"""Bars and index levels as KIS prints their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from adapters.sandbox.market import Bar, Level, Name, Number, Step, price_factor, share_ratio

#: KIS index code -> our code and the name KIS prints.
INDICES = {"0001": ("KOSPI", "종합"), "1001": ("KOSDAQ", "KOSDAQ")}
#: A close this far from its base stands at a price limit (±30%, tick rounding aside).
_AT_LIMIT = 0.2975


def daily_row(bar: Bar, factor: float, share: float, reason: str = "") -> dict[str, str]:
    """One output2 row of FHKST03010100: prices × `factor`, volume ÷ it; volume and amount × the venue's `share`.

    prdy_vrss is the change from the base price, prtt_rate the base ÷ the close before where an event moved it, and
    `reason` (revl_issu_reas) says why that base was set anew ("" where it was not, as recorded).
    """
    day, opening, high, low, close, volume, amount, base, step, ex = bar
    if factor != 1.0:
        opening, high, low, close, base = (round(price * Decimal(str(factor))) for price in (opening, high, low, close, base))
        volume = round(volume / Decimal(str(factor)))
    if share != 1.0:
        volume, amount = int(volume * Decimal(str(share))), int(amount * Decimal(str(share)))
    change = close - base
    return {
        "stck_bsop_date": f"{day.year:04d}{day.month:02d}{day.day:02d}",
        "stck_clpr": str(close),
        "stck_oprc": str(opening),
        "stck_hgpr": str(high),
        "stck_lwpr": str(low),
        "acml_vol": str(volume),
        "acml_tr_pbmn": str(amount),
        "flng_cls_code": ex,
        "prtt_rate": "0.00" if step == 1.0 else f"{step:.2f}",
        "mod_yn": "N" if opening else "Y",
        "prdy_vrss_sign": sign(change, base),
        "prdy_vrss": str(change),
        "revl_issu_reas": reason,
    }


def index_row(level: Level) -> dict[str, str]:
    """One output2 row of FHKUP03500100."""
    day, opening, high, low, close, volume, amount = level
    return {
        "stck_bsop_date": f"{day:%Y%m%d}",
        "bstp_nmix_prpr": f"{close / 100:.2f}",
        "bstp_nmix_oprc": f"{opening / 100:.2f}",
        "bstp_nmix_hgpr": f"{high / 100:.2f}",
        "bstp_nmix_lwpr": f"{low / 100:.2f}",
        "acml_vol": str(volume // 1000),
        "acml_tr_pbmn": str(amount // 1_000_000),
        "mod_yn": "N",
    }


def grouped(bars: Sequence[Bar], steps: Sequence[Step], period: str) -> list[Bar]:
    """Weeks (dated Monday), months or years (dated by their newest bar) from daily bars, both newest first.

    With `steps` the bars are adjusted first.
    """
    groups: dict[tuple[int, int], list[Bar]] = {}
    for bar in bars:
        groups.setdefault(_period(bar.date, period), []).append(_adjusted(bar, price_factor(steps, bar.date)))
    rows = []
    for members in groups.values():
        newest, oldest = members[0], members[-1]
        traded = [bar for bar in members if bar.open]
        day = newest.date - timedelta(days=newest.date.weekday()) if period == "W" else newest.date
        rows.append(
            Bar(
                date=day,
                open=traded[-1].open if traded else 0,
                high=max((bar.high for bar in traded), default=0),
                low=min((bar.low for bar in traded), default=0),
                close=newest.close,
                volume=sum(bar.volume for bar in members),
                amount=sum(bar.amount for bar in members),
                base=oldest.base,
                factor=1.0,
                ex=next((bar.ex for bar in members if bar.ex != "00"), "00"),
            )
        )
    return rows


def share_count(name: Name, steps: Sequence[Step]) -> int:
    """Shares of a name after these share-count events."""
    return round(name.shares * share_ratio(steps, name.listed))


def reasons(steps: Sequence[Step]) -> dict[date, str]:
    """Ex-dates of the events whose base price was set anew, with their revl_issu_reas."""
    return {step.ex_date: step.reason for step in steps if step.reason}


def sign(change: Number, base: Number = 0) -> str:
    """prdy_vrss_sign: 1 limit up, 2 up, 3 flat, 4 limit down, 5 down."""
    if not change:
        return "3"
    at_limit = base > 0 and abs(float(change)) >= float(base) * _AT_LIMIT
    if change > 0:
        return "1" if at_limit else "2"
    return "4" if at_limit else "5"


def percent(value: Number, base: Number) -> str:
    """The change from `base` to `value` in per cent, two decimals; "0.00" without a base."""
    return f"{(value - base) * 100 / base:.2f}" if base else "0.00"


def _period(day: date, period: str) -> tuple[int, int]:
    if period == "W":
        return day.isocalendar()[:2]
    return (day.year, day.month) if period == "M" else (day.year, 0)


def _adjusted(bar: Bar, factor: float) -> Bar:
    if factor == 1.0:
        return bar
    scale = Decimal(str(factor))
    opening, high, low, close, base = (round(price * scale) for price in (*bar[1:5], bar.base))
    volume = round(bar.volume / scale)
    return bar._replace(open=opening, high=high, low=low, close=close, base=base, volume=volume)
