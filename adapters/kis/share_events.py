"""Share-count events as KRX's own daily rows tell them: the base price of a session against the close before it.

The base is the close less the signed change, so base ÷ close before is what the exchange itself rescaled that close with:
splits, bonus issues, rights and stock dividends, never cash. Three fields beside it say why (field table of FHKST03010100):
`flng_cls_code`, `revl_issu_reas`, and `prtt_rate`, which is that quotient with two decimals and no ratio of shares.

A base that was set anew (`revl_issu_reas`: capital reduction, demerger …) is what the opening auction found, so the quotient
is no factor. What such an event did to prices is the step of raw ÷ adjusted rows at its date (`measured`). Where there is none
it is told with the factor 1 and no ratio: the store says of each that its factor is not known.

The answer does not tell a paid issue from a free one. Of the moved bases of KRX in January and February of 2023 and 2024 those
below the close before are plain ratios of at most 0.51 or lie at 0.77 and above. What is under the line between them is taken
for a free issue; what is above for rights, which leaves the volumes of a small free issue as they are.

A base that moved without any of these codes is no event but a fault of the rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from adapters.base import ACTIONS, Instrument

#: flng_cls_code of rights: 01 rights, 04 rights and dividend, 06 and 07 rights and interim dividend.
_RIGHTS = frozenset({"01", "04", "06", "07"})
#: 02 dividend, 05 interim dividend: only one in shares moves the base.
_DIVIDENDS = frozenset({"02", "05"})
#: What a base is called that moved in a way its code does not explain; 03 is a fund's distribution.
_OTHERWISE: Mapping[str, str] = {"02": "stock_dividend", "03": "special", "05": "stock_dividend"}
#: revl_issu_reas of a base that was set anew, and what happened: 01 demerger, 02 capital reduction, 04 and 05 large
#: distributions of cash, 06 demerger with a merger, 07 ETN split or consolidation, 99 other, blank-cheque mergers among them.
_SET_ANEW: Mapping[str, str] = {
    "01": "spin_off",
    "02": "capital_cut",
    "04": "special",
    "05": "special",
    "06": "spin_off",
    "07": "split",
    "99": "merger",
}
#: 03 a long halt, 08 a subscription right's own adjustment: the price is new, the shares are not.
_NO_EVENT = frozenset({"03", "08"})
#: Reasons under which a quotient that is a plain ratio all the same is taken for one.
_PLAIN_RATIOS = frozenset({"07", "99"})
#: base ÷ close of a rights date up to which the new shares were free.
_FREE_AT_MOST = 0.67
#: No price unit of KRX since 2010-10 is more than 1 won or this share of the price (market_rules.md, KR).
_LARGEST_TICK = 0.005
#: How far `prtt_rate` may lie from the quotient: it has two decimals.
_ROUNDED = 0.0051
#: Kinds that a split-adjusted series of others contains.
_IN_SPLIT_ADJUSTED = frozenset({"split", "consolidation", "bonus", "stock_dividend", "capital_cut"})


class Factors(NamedTuple):
    """What prices and volumes before an event are multiplied with."""

    price: float
    volume: float

    @property
    def kind(self) -> str:
        """split or consolidation, whichever it is."""
        return "split" if self.price < 1 else "consolidation"


#: Plain ratios: whole numbers of shares for one, halves where they occur, and the other way round.
_PLAIN = (*(float(whole) for whole in range(2, 101)), *(whole + 0.5 for whole in range(1, 10)))
_MORE_SHARES = tuple(Factors(1 / ratio, ratio) for ratio in _PLAIN)
_FEWER_SHARES = tuple(Factors(ratio, 1 / ratio) for ratio in _PLAIN)


class Mark(NamedTuple):
    """What a daily row says besides its bar: `base` price (None where it can't be read) and three codes, as printed.

    `rights` is flng_cls_code, `reason` revl_issu_reas, each "00" where there is none; `quotient` prtt_rate, 0 where none.
    """

    base: float | None
    rights: str
    reason: str
    quotient: float

    @property
    def named(self) -> bool:
        """Whether any code says that something happened."""
        return self.told or self.rights != "00"

    @property
    def told(self) -> bool:
        """Whether a code says that the base may have moved; a dividend alone moves none."""
        return self.rights in _RIGHTS or self.reason != "00" or self.quotient not in (0.0, 1.0)


@dataclass(frozen=True)
class ShareEvent:
    """One event; `ratio` is shares after for one before. A `price_factor` of 1 means that the factor is not known."""

    ex_date: dt.date
    kind: str
    ratio: float | None
    price_factor: float
    volume_factor: float
    status: str
    source: str

    @property
    def is_known(self) -> bool:
        """Whether its factor is known."""
        return self.price_factor != 1.0


def share_events(marks: Mapping[dt.date, Mark], close_before: Callable[[dt.date, Mark], float | None]) -> list[ShareEvent]:
    """The events of a series, oldest first.

    `close_before` gives the close of the row of the session before a date, None where there is none: then nothing is to be
    rescaled, and there is no event.
    """
    found = []
    for date, mark in sorted(marks.items()):
        close = close_before(date, mark)
        event = None if close is None or close <= 0 else _event(date, mark, close)
        if event is not None:
            found.append(event)
    return found


def measured(event: ShareEvent, raw: Mapping[dt.date, float], adjusted: Mapping[dt.date, float]) -> ShareEvent:
    """The event with the factor by which `adjusted` closes step against `raw` ones at its date; as it was where none is seen.

    Both are closes by session, from some sessions before the event to its date. A plain ratio is taken as such: prices are
    rounded to their unit.
    """
    both = sorted(date for date in raw.keys() & adjusted.keys() if raw[date] > 0 and adjusted[date] > 0)
    if len(both) < 2 or both[-1] != event.ex_date:
        return event
    before, on = both[-2], both[-1]
    # The close before the event, in prices of its date: what the base would have been without an auction.
    base = adjusted[before] * raw[on] / adjusted[on]
    plain = _plain(base, raw[before]) if base != raw[before] else None
    price = plain.price if plain is not None else base / raw[before]
    if abs(base - raw[before]) <= max(1.0, _LARGEST_TICK * base):
        return event
    shares = event.kind in _IN_SPLIT_ADJUSTED or event.kind == "merger"
    seen = ", ".join(f"{day} {raw[day]:g} as {adjusted[day]:g}" for day in (before, on))
    return replace(
        event,
        ratio=1 / price if shares else None,
        price_factor=price,
        volume_factor=1 / price if shares else 1.0,
        source=f"{event.source}; adjusted rows: {seen}",
    )


def frame(events: Iterable[ShareEvent], instrument: Instrument, provider: str) -> pl.DataFrame:
    """ACTIONS of one ticker."""
    rows = [
        {
            "region": instrument.region,
            "ticker": instrument.ticker,
            "ex_date": event.ex_date,
            "kind": event.kind,
            "ratio": event.ratio,
            "price_factor": event.price_factor,
            "volume_factor": event.volume_factor,
            "in_split_adjusted": event.kind in _IN_SPLIT_ADJUSTED,
            "cash": None,
            "currency": None,
            "status": event.status,
            "source": event.source,
            "provider": provider,
        }
        for event in events
    ]
    return pl.DataFrame(rows, schema=ACTIONS)


def _event(date: dt.date, mark: Mark, close: float) -> ShareEvent | None:
    # A base that no code explains is an error of the rows: a close in another unit looks like a plain ratio.
    if not mark.named or mark.reason in _NO_EVENT or mark.base == close:
        return None
    codes = f"flng_cls_code {mark.rights}, revl_issu_reas {mark.reason}, prtt_rate {mark.quotient:g}"
    if mark.base is None or mark.base <= 0:
        kind = _SET_ANEW.get(mark.reason, "rights" if mark.rights in _RIGHTS else "split")
        return _unknown(date, kind, f"daily rows: no base price; {codes}") if mark.told else None
    moved = _Moved(date, mark, Factors(mark.base / close, close / mark.base), _plain(mark.base, close))
    source = f"daily rows: base {mark.base:g}, close before {close:g}; {codes}"
    if mark.reason != "00":
        return _set_anew(moved, source)
    if mark.quotient and abs(moved.quotient.price - mark.quotient) > _ROUNDED:
        kind = "rights" if mark.rights != "00" else moved.quotient.kind
        return _unknown(date, kind, f"{source}, which contradict each other")
    return _split(moved, source) if mark.rights == "00" else _issue(moved, source)


class _Moved(NamedTuple):
    """A base that is not the close before it: as a quotient, and as a plain ratio where it is one."""

    date: dt.date
    mark: Mark
    quotient: Factors
    plain: Factors | None


def _set_anew(moved: _Moved, source: str) -> ShareEvent:
    date, mark, _, plain = moved
    if plain is not None and mark.reason in _PLAIN_RATIOS:
        return _shares(date, plain.kind, plain, "inferred", source)
    return _unknown(date, _SET_ANEW.get(mark.reason, "merger"), source)


def _issue(moved: _Moved, source: str) -> ShareEvent:
    date, mark, quotient, plain = moved
    if mark.rights in _RIGHTS and quotient.price <= _FREE_AT_MOST:
        return _shares(date, "bonus", plain or quotient, "inferred" if plain is None else "confirmed", source)
    if mark.rights in _RIGHTS and quotient.price < 1:
        return ShareEvent(date, "rights", None, quotient.price, 1.0, "confirmed", source)
    if mark.rights in _DIVIDENDS and quotient.price < 1:
        return _shares(date, "stock_dividend", quotient, "confirmed", source)
    return _unknown(date, _OTHERWISE.get(mark.rights, "rights"), source)


def _split(moved: _Moved, source: str) -> ShareEvent:
    date, _, quotient, plain = moved
    if plain is not None:
        return _shares(date, plain.kind, plain, "confirmed", source)
    if quotient.price > 1:
        return _unknown(date, quotient.kind, source)  # fewer shares at no plain ratio: a base that was set anew
    return _shares(date, quotient.kind, quotient, "inferred", source)


def _shares(date: dt.date, kind: str, factors: Factors, status: str, source: str) -> ShareEvent:
    return ShareEvent(date, kind, factors.volume, factors.price, factors.volume, status, source)


def _unknown(date: dt.date, kind: str, source: str) -> ShareEvent:
    return ShareEvent(date, kind, None, 1.0, 1.0, "inferred", source)


def _plain(base: float, close: float) -> Factors | None:
    """The plain ratio of shares that the base is, rounded to a price unit; None where it is none."""
    tick = max(1.0, _LARGEST_TICK * base)
    candidates = _MORE_SHARES if base < close else _FEWER_SHARES
    nearest = min(candidates, key=lambda factors: abs(base - close * factors.price))
    return nearest if abs(base - close * nearest.price) < tick else None
