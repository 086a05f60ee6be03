"""KIS's KRX transactions: daily bars, index levels, one listing. From wire to frames; nothing here knows the store.

Units on the wire: prices in won, volume in shares, amount in won. Index volume is taken to be in thousands of shares
and index amount in millions of won: the field table gives no unit, and its example of 2022-05-09 (892653 and 9289660)
is of the order of a KOSPI day, hundreds of millions of shares and about ten trillion won, in no other. Inferred, not
measured: confirm with a live key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from adapters.base import Capability, History, IndexHistory, Instrument, Listing
from adapters.kis import series
from adapters.kis.index_chart import dated_chart
from adapters.kis.paging import Layout, Page, Values, walk
from adapters.kis.rows import Refusals, RowError, amount, count, dates, day, day_before, optional, price, text
from adapters.kis.wire import DAILY_CHART, INDEX_CHART, STOCK_INFO, PriceBasis, Wire
from pipeline.calendars import VenueCalendar
from pipeline.errors import Unavailable

_INDEX_VOLUME_UNIT = 1_000
_INDEX_AMOUNT_UNIT = 1_000_000


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


#: 100 and 50 rows an answer: overview lines of the two field tables.
_BARS = Layout(rows_per_page=100, date=_date, values=_bar)
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
    high and low. Unsupported or Unavailable as the wire says.
    """
    refusals = Refusals(instrument.region, instrument.ticker, provider)

    def ask(first: dt.date, until: dt.date) -> Page:
        body = wire.get(
            DAILY_CHART,
            {
                "FID_COND_MRKT_DIV_CODE": venue_code,
                "FID_INPUT_ISCD": instrument.ticker,
                "FID_INPUT_DATE_1": first.strftime("%Y%m%d"),
                "FID_INPUT_DATE_2": until.strftime("%Y%m%d"),
                "FID_PERIOD_DIV_CODE": "D",
                "FID_ORG_ADJ_PRC": price_basis.flag(DAILY_CHART),
            },
            capability=Capability.HISTORY,
            subject=instrument.ticker,
        )
        return Page(body["output2"], optional(body["output1"], "stck_shrn_iscd"))

    try:
        found = walk(ask, _BARS, code=instrument.ticker, start=start, end=end, calendar=calendar, refusals=refusals)
    except Unavailable as error:
        series.keep_partial(error, instrument, provider, price_basis.basis)
        raise
    return series.history(found, instrument, provider, price_basis.basis)


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
