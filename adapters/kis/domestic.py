"""KIS's KRX transactions: daily bars, index levels, one listing. From wire to frames; nothing here knows the store.

Units on the wire: prices in won, volume in shares, amount in won. Index volume is taken to be in thousands of shares
and index amount in millions of won: the field table gives no unit, and its example of 2022-05-09 (892653 and 9289660)
is of the order of a KOSPI day, hundreds of millions of shares and about ten trillion won, in no other. Inferred, not
measured: confirm with a live key.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from adapters.base import Capability, History, IndexHistory, Instrument, Listing
from adapters.kis import series
from adapters.kis.index_chart import dated_chart
from adapters.kis.paging import Layout, Page, Values, Walk, walk
from adapters.kis.rows import Refusals, RowError, amount, count, dates, day, day_before, optional, price, text
from adapters.kis.share_events import Mark, ShareEvent, measured, share_events
from adapters.kis.wire import DAILY_CHART, INDEX_CHART, STOCK_INFO, PriceBasis, Wire
from pipeline.calendars import VenueCalendar
from pipeline.errors import Unavailable

_INDEX_VOLUME_UNIT = 1_000
_INDEX_AMOUNT_UNIT = 1_000_000
#: prdy_vrss_sign: 1 limit up, 2 up, 3 unchanged, 4 limit down, 5 down.
_UP, _DOWN = frozenset({"1", "2"}), frozenset({"4", "5"})
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?", re.ASCII)
#: Sessions before an event that are looked through for the close it rescales.
_LOOK_BACK = 10


def _bar(row: Mapping[str, Any]) -> Values:
    return (
        price(row, "stck_oprc"),
        price(row, "stck_hgpr"),
        price(row, "stck_lwpr"),
        price(row, "stck_clpr"),
        count(row, "acml_vol"),
        amount(row, "acml_tr_pbmn"),
    )


def _level(row: Mapping[str, Any]) -> Values:
    return (
        price(row, "bstp_nmix_oprc"),
        price(row, "bstp_nmix_hgpr"),
        price(row, "bstp_nmix_lwpr"),
        price(row, "bstp_nmix_prpr"),
        count(row, "acml_vol", _INDEX_VOLUME_UNIT),
        amount(row, "acml_tr_pbmn", _INDEX_AMOUNT_UNIT),
    )


def _date(row: Mapping[str, Any]) -> dt.date:
    return day(row, "stck_bsop_date")


def _mark(row: Mapping[str, Any]) -> Mark:
    codes = _codes(optional(row, "flng_cls_code"), optional(row, "revl_issu_reas"), optional(row, "prtt_rate"))
    return Mark(_base(row), *codes)


@lru_cache(maxsize=1_000)
def _codes(rights: str, reason: str, quotient: str) -> tuple[str, str, float]:
    """The codes with two digits, "00" where there is none: nearly every row has the same three."""
    return rights.zfill(2), reason.zfill(2), _number(quotient) or 0.0


def _base(row: Mapping[str, Any]) -> float | None:
    """The base price: the close less the change, whose direction stands in a field of its own."""
    close, change = _number(optional(row, "stck_clpr")), _number(optional(row, "prdy_vrss"))
    if close is None or change is None:
        return None
    direction = optional(row, "prdy_vrss_sign")
    return close - (abs(change) if direction in _UP else -abs(change) if direction in _DOWN else change)


@lru_cache(maxsize=20_000)
def _number(written: str) -> float | None:
    """A number of either sign; None where there is none."""
    return float(written) if _NUMBER.fullmatch(written) else None


#: 100 and 50 rows an answer: overview lines of the two field tables.
_BARS = Layout(rows_per_page=100, date=_date, values=_bar, mark=_mark)
_LEVELS = Layout(rows_per_page=50, date=_date, values=_level)


def history(
    wire: Wire,
    instrument: Instrument,
    start: dt.date,
    end: dt.date,
    *,
    venue_code: str,
    calendar: VenueCalendar,
    provider: str,
    price_basis: PriceBasis = PriceBasis.RAW,
) -> History:
    """Daily bars of one ticker; `venue_code` is KIS's market code of its venue (J = KRX).

    `bars`: BARS, prices as traded in won; dates are KRX session dates. Untraded sessions come as rows with zero open,
    high and low. `actions`: the share-count events of these sessions, of raw rows only (adjusted ones show none); where the
    row of the session before an event is not among them, it is asked for, and where its rows don't tell its factor, the
    adjusted rows around it are. Unsupported or Unavailable as the wire says.
    """
    refusals = Refusals(instrument.region, instrument.ticker, provider)

    def asking(basis: PriceBasis) -> Callable[[dt.date, dt.date], Page]:
        def ask(first: dt.date, until: dt.date) -> Page:
            body = wire.get(
                DAILY_CHART,
                {
                    "FID_COND_MRKT_DIV_CODE": venue_code,
                    "FID_INPUT_ISCD": instrument.ticker,
                    "FID_INPUT_DATE_1": first.strftime("%Y%m%d"),
                    "FID_INPUT_DATE_2": until.strftime("%Y%m%d"),
                    "FID_PERIOD_DIV_CODE": "D",
                    "FID_ORG_ADJ_PRC": basis.flag(DAILY_CHART),
                },
                capability=Capability.HISTORY,
                subject=instrument.ticker,
            )
            return Page(body["output2"], optional(body["output1"], "stck_shrn_iscd"))

        return ask

    ask = asking(price_basis)
    try:
        found = walk(ask, _BARS, code=instrument.ticker, start=start, end=end, calendar=calendar, refusals=refusals)
    except Unavailable as error:
        if price_basis is PriceBasis.RAW:
            error.partial = _in_part(error.partial, instrument, calendar, provider)
        series.keep_partial(error, instrument, provider, price_basis.basis)
        raise
    if price_basis is not PriceBasis.RAW:
        return series.history(found, instrument, provider, price_basis.basis)
    try:
        told = _events(found, ask, instrument, calendar, provider)
        events = [_measured(event, ask, asking(PriceBasis.ADJUSTED), instrument, calendar, provider) for event in told]
    except Unavailable as error:
        error.partial = _in_part(found, instrument, calendar, provider)
        raise
    return series.history(found, instrument, provider, price_basis.basis, events)


def _in_part(found: object, instrument: Instrument, calendar: VenueCalendar, provider: str) -> History | None:
    """What a walk that broke off shows, without the rows whose event it can't tell yet, so that they are asked for again."""
    if not isinstance(found, Walk):
        return None
    marks = found.marks
    early = {date for date, mark in marks.items() if mark.told and _close_before(found, date, mark, calendar) is None}
    rest = replace(found, exhausted=False, values={date: row for date, row in found.values.items() if date not in early})
    if not rest.values:
        return None
    events = share_events(
        {date: mark for date, mark in marks.items() if date not in early},
        lambda date, mark: _close_before(found, date, mark, calendar),
    )
    return series.history(rest, instrument, provider, PriceBasis.RAW.basis, events)


def _events(
    found: Walk, ask: Callable[[dt.date, dt.date], Page], instrument: Instrument, calendar: VenueCalendar, provider: str
) -> list[ShareEvent]:
    """Share-count events of a walk; the close before one that has no row before it is asked for."""

    def close_before(date: dt.date, mark: Mark) -> float | None:
        close = _close_before(found, date, mark, calendar)
        if close is not None or not mark.told:
            return close
        window = _sessions_before(calendar, date)
        # Rows of another range: what is wrong with them is its walk's to say.
        refusals = Refusals(instrument.region, instrument.ticker, provider)
        until = date - dt.timedelta(days=1)
        code = instrument.ticker
        earlier = walk(ask, _BARS, code=code, start=window[0], end=until, calendar=calendar, refusals=refusals)
        return earlier.values[max(earlier.values)][3] if earlier.values else None

    return share_events(found.marks, close_before)


def _measured(
    event: ShareEvent,
    raw: Callable[[dt.date, dt.date], Page],
    adjusted: Callable[[dt.date, dt.date], Page],
    instrument: Instrument,
    calendar: VenueCalendar,
    provider: str,
) -> ShareEvent:
    """The event with the step that the provider's own adjusted series makes at it, where its rows don't tell its factor."""
    if event.is_known:
        return event
    window = _sessions_before(calendar, event.ex_date)
    closes = []
    for ask in (raw, adjusted):
        # Rows of another range: what is wrong with them is its walk's to say.
        refusals = Refusals(instrument.region, instrument.ticker, provider)
        code = instrument.ticker
        around = walk(ask, _BARS, code=code, start=window[0], end=event.ex_date, calendar=calendar, refusals=refusals)
        closes.append({date: row[3] for date, row in around.values.items()})
    return measured(event, *closes)


def _close_before(found: Walk, date: dt.date, mark: Mark, calendar: VenueCalendar) -> float | None:
    """The close of the session before `date`; None where it is not among the rows."""
    last = found.before(date)
    if last is None:
        return None
    close = found.values[last][3]
    if not mark.told and mark.base == close:
        return close  # as on nearly every day
    return close if last >= _sessions_before(calendar, date)[-1] else None


def _sessions_before(calendar: VenueCalendar, date: dt.date) -> list[dt.date]:
    """The last sessions before `date`; where the calendar knows none of them, two weeks and the day a weekend allows."""
    if calendar.first < date <= calendar.last:
        known = calendar.sessions(max(calendar.first, date - dt.timedelta(days=30)), date - dt.timedelta(days=1))
        if known:
            return known[-_LOOK_BACK:]
    return [date - dt.timedelta(days=14), date - dt.timedelta(days=4)]


def index(
    wire: Wire,
    region: str,
    index_code: str,
    start: dt.date,
    end: dt.date,
    *,
    code: str,
    currency: str,
    calendar: VenueCalendar,
    provider: str,
) -> IndexHistory:
    """Daily levels of one index; `index_code` is ours (`KOSPI`), `code` KIS's (`0001`).

    `bars`: INDEX_BARS, levels in points, volume in shares, amount in `currency` (see the module on units).
    """
    refusals = Refusals(region, index_code, provider)
    ask = dated_chart(wire, INDEX_CHART, "U", code, names_code="bstp_cls_code", subject=f"{index_code} ({code})")
    found = walk(ask, _LEVELS, code=code, start=start, end=end, calendar=calendar, refusals=refusals)
    return series.levels(found, region, index_code, currency, provider)


def listing(wire: Wire, ticker: str, *, provider: str) -> Listing:
    """What KIS's stock information says about one listing (real host only: Unsupported on paper).

    A date of abolition is the first day without a listing, so `listed_until` is the day before it. A company that moved
    from KOSDAQ to KOSPI has an abolition on one market and a listing on the other: it is listed. Unavailable when the
    product is unknown or the answer is about another one: neither is a delisting.
    """
    body = wire.get(
        STOCK_INFO,
        {"PRDT_TYPE_CD": "300", "PDNO": ticker},
        capability=Capability.LISTING,
        subject=ticker,
    )
    output: Mapping[str, Any] = body["output"]
    try:
        product = text(output, "pdno")
        if not product.endswith(ticker):
            raise RowError("wrong_ticker", f"the answer is about {product!r}")
        listed = dates(output, "scts_mket_lstg_dt", "kosdaq_mket_lstg_dt")
        abolished = dates(output, "scts_mket_lstg_abol_dt", "kosdaq_mket_lstg_abol_dt")
        ended = dates(output, "lstg_abol_dt")
        # Every market it was listed on has ended, and no listing is younger than the last end.
        if not ended and abolished and len(abolished) >= len(listed) and max(abolished) >= max(listed, default=dt.date.min):
            ended = [max(abolished)]
        until = day_before("the date of abolition", ended[0]) if ended else None
    except RowError as error:
        raise Unavailable(f"{provider}: stock information of {ticker}: {error}") from error
    return Listing(
        ticker=ticker,
        listed_from=min(listed, default=None),
        listed_until=until,
        halted={"Y": True, "N": False}.get(optional(output, "tr_stop_yn")),
        provider=provider,
    )
