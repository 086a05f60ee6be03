"""KIS's overseas transactions: daily bars, index levels, one listing. From wire to frames; nothing here knows the store.

Units on the wire: prices and amounts in the exchange's currency with decimals (`zdiv` says how many are shown, no more),
volume in shares. Dates are the exchange's own. The volume of an index has no documented unit: it is kept as printed. An
index has no amount on the wire.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from adapters.base import Capability, History, IndexHistory, Instrument, Listing
from adapters.kis import series
from adapters.kis.exchanges import EXCHANGES
from adapters.kis.index_chart import dated_chart
from adapters.kis.paging import Layout, Page, Values, walk
from adapters.kis.rows import Refusals, RowError, amount, count, dates, day, day_before, optional, price, text
from adapters.kis.symbols import symbol
from adapters.kis.wire import OVERSEAS_CHART, OVERSEAS_DAILY, OVERSEAS_INFO, PriceBasis, Wire
from pipeline.calendars import VenueCalendar
from pipeline.errors import Unavailable, Unsupported

#: Trading stops of the product information: 01 normal; 02 all, 03 suspended, 04 no sales, 05 no brokerage, 06 no purchases.
_STOPPED: Mapping[str, bool] = {"01": False, "02": True, "03": True, "04": True, "05": True, "06": True}
#: A terminal ticker given to a dead listing, so that its old one is free: digits and a letter.
_RETIRED = re.compile(r"\d{5,}[A-Z]", re.ASCII)


def _bar(row: Mapping[str, Any]) -> Values:
    return (
        price(row, "open"),
        price(row, "high"),
        price(row, "low"),
        price(row, "clos"),
        count(row, "tvol"),
        amount(row, "tamt"),
    )


def _level(row: Mapping[str, Any]) -> Values:
    return (
        price(row, "ovrs_nmix_oprc"),
        price(row, "ovrs_nmix_hgpr"),
        price(row, "ovrs_nmix_lwpr"),
        price(row, "ovrs_nmix_prpr"),
        count(row, "acml_vol"),
        None,
    )


def _bar_date(row: Mapping[str, Any]) -> dt.date:
    return day(row, "xymd")


def _level_date(row: Mapping[str, Any]) -> dt.date:
    return day(row, "stck_bsop_date")


#: 100 rows an answer each. The count of rows in the head of the daily bars (`nrec`) is not trusted: the field table calls
#: it the previous close.
_BARS = Layout(rows_per_page=100, date=_bar_date, values=_bar, has_start=False, names_code=True)
_LEVELS = Layout(rows_per_page=100, date=_level_date, values=_level)


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
    """Daily bars of one ticker; `venue_code` is KIS's code of its venue (NAS, HKS): another one is never tried.

    `bars`: BARS, prices as traded in the instrument's currency; dates are the venue's session dates. Untraded sessions
    come as rows with zero open, high and low. Unsupported or Unavailable as the wire says.
    """
    refusals = Refusals(instrument.region, instrument.ticker, provider)
    asked = _symbol(instrument, Capability.HISTORY, provider)

    def ask(first: dt.date, until: dt.date) -> Page:
        body = wire.get(
            OVERSEAS_DAILY,
            {
                "AUTH": "",
                "EXCD": venue_code,
                "SYMB": asked,
                "GUBN": "0",
                "BYMD": until.strftime("%Y%m%d"),
                "MODP": price_basis.flag(OVERSEAS_DAILY),
                "KEYB": "",
            },
            capability=Capability.HISTORY,
            subject=f"{instrument.ticker} ({venue_code} {asked})",
        )
        return Page(body["output2"], optional(body["output1"], "rsym"))

    code = f"D{venue_code}{asked}"
    try:
        found = walk(ask, _BARS, code=code, start=start, end=end, calendar=calendar, refusals=refusals)
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
    """Daily levels of one index; `index_code` is ours (`SPX`), `code` KIS's (`SPX`, `HK#HS`).

    `bars`: INDEX_BARS, levels in points, volume as printed, amount null (see the module on units).
    """
    refusals = Refusals(region, index_code, provider)
    ask = dated_chart(wire, OVERSEAS_CHART, "N", code, names_code="stck_shrn_iscd", subject=f"{index_code} ({code})")
    found = walk(ask, _LEVELS, code=code, start=start, end=end, calendar=calendar, refusals=refusals)
    return series.levels(found, region, index_code, currency, provider)


def listing(wire: Wire, instrument: Instrument, *, exchange: str, provider: str) -> Listing:
    """What KIS's product information says about one listing (real host only: Unsupported on paper).

    The date of abolition is the first day without a listing, so `listed_until` is the day before it. The listing date is
    often blank: then None. The answer names no symbol but exchange, currency and, mostly, a terminal ticker: where one of
    these is another's, it is no evidence. Unavailable then, for an unknown product, and for an end without a date: none
    of them tells until when the listing held. Unsupported for a line in a currency that the provider has no product type for.
    """
    product_type = EXCHANGES[exchange].products.get(instrument.currency)
    if product_type is None:
        raise Unsupported(f"{provider}: no {Capability.LISTING} for lines of {exchange} in {instrument.currency}")
    asked = _symbol(instrument, Capability.LISTING, provider)
    body = wire.get(
        OVERSEAS_INFO,
        {"PRDT_TYPE_CD": product_type, "PDNO": asked},
        capability=Capability.LISTING,
        subject=f"{instrument.ticker} ({exchange} {asked})",
    )
    output: Mapping[str, Any] = body["output"]
    try:
        _require(output, "ovrs_excg_cd", EXCHANGES[exchange].orders)
        _require(output, "tr_crcy_cd", instrument.currency)
        _same_ticker(output, asked)
        listed = dates(output, "lstg_dt")
        abolished = dates(output, "lstg_abol_dt")
        gone = optional(output, "lstg_abol_item_yn") == "Y" or optional(output, "lstg_yn") == "N"
        if gone and not abolished:
            raise RowError("missing_field", "the listing has ended, but lstg_abol_dt does not say when")
        if listed and abolished and abolished[0] <= listed[0]:
            raise RowError("unparsable", f"the listing ends on {abolished[0]}, before it begins on {listed[0]}")
        until = day_before("lstg_abol_dt", abolished[0]) if abolished else None
    except RowError as error:
        raise Unavailable(f"{provider}: product information of {instrument.ticker}: {error}") from error
    return Listing(
        ticker=instrument.ticker,
        listed_from=listed[0] if listed else None,
        listed_until=until,
        halted=_STOPPED.get(optional(output, "ovrs_stck_tr_stop_dvsn_cd")),
        provider=provider,
    )


def _symbol(instrument: Instrument, capability: Capability, provider: str) -> str:
    """KIS's symbol; Unsupported for a ticker that can't be one of an overseas exchange."""
    try:
        return symbol(instrument.ticker)
    except ValueError as error:
        raise Unsupported(f"{provider}: no {capability} for region {instrument.region}: {error}") from error


def _require(output: Mapping[str, Any], name: str, expected: str) -> None:
    found = text(output, name)
    if found != expected:
        raise RowError("wrong_ticker", f"{name} is {found!r}, the listing's is {expected!r}")


def _same_ticker(output: Mapping[str, Any], asked: str) -> None:
    """Compares the root of the terminal ticker (`AAPL US`, `700 HK`): series, classes and zeros in front differ there."""
    words = optional(output, "blbg_tckr_text").split()
    if not words or _RETIRED.fullmatch(words[0]):
        return
    if words[0].partition("/")[0].lstrip("0") != asked.partition("/")[0].lstrip("0"):
        raise RowError("wrong_ticker", f"the answer is about {' '.join(words)!r}, asked was {asked!r}")
