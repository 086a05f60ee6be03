"""What KIS answers to its overseas quotation calls, from markets. Every value is a string, numbers included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from adapters.sandbox.kis_bars import grouped, percent, sign
from adapters.sandbox.kis_calls import Quote, choice, day, field, flag, invalid
from adapters.sandbox.kis_exchanges import EXCHANGES, Exchange
from adapters.sandbox.kis_overseas_bars import INDICES, daily_row, direction, index_row, money, points, rate, unsigned
from adapters.sandbox.market import Market, Name, price_factor
from adapters.sandbox.sessions import today

ROWS_A_CALL = 100
#: GUBN -> the period of `grouped`; "0" are days.
_PERIODS = {"1": "W", "2": "M"}
_PRICE_FIELDS = ("rsym", "zdiv", "base", "pvol", "last", "sign", "diff", "rate", "tvol", "tamt", "ordy")
#: Divisions of FHKST03030100 that these markets have nothing of: currencies, bonds, gold.
_OTHER_DIVISIONS = ("X", "I", "S")


class OverseasQuotations:
    """The overseas quotation calls over the markets of KIS's regions; each takes its parameters (upper-case names) and
    the time."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets

    def daily(self, params: Mapping[str, str], now: datetime) -> Quote:
        """HHDFS76240000: at most 100 rows up to BYMD (blank: today), newest first. MODP 0 = raw, 1 = adjusted.

        A symbol the exchange does not have, the exchange's code in lower case included, has empty fields and no rows.
        """
        code, found = self._asked(params, now)
        period = _PERIODS.get(choice(params, "GUBN", "012"))
        until = day(params, "BYMD") if params.get("BYMD", "").strip() else date.max
        adjusted = flag(params, "MODP") == 1
        if found is None:
            return Quote({"output1": dict.fromkeys(("rsym", "zdiv", "nrec"), ""), "output2": []}, 0, code)
        exchange, market, _ = found
        bars = market.bars(code, date.min, until, now, None if period else ROWS_A_CALL)
        steps = market.steps(code, now) if adjusted else ()
        if period:
            bars, steps = grouped(bars, steps, period)[:ROWS_A_CALL], ()
        scale, decimals = market.scale, exchange.decimals
        rows = [daily_row(bar, price_factor(steps, bar.date) if steps else 1.0, scale, decimals) for bar in bars]
        head = {"rsym": f"D{exchange.code}{code}", "zdiv": str(decimals), "nrec": str(len(rows))}
        return Quote({"output1": head, "output2": rows}, len(rows), code)

    def price(self, params: Mapping[str, str], now: datetime) -> Quote:
        """HHDFS00000300: the last price of one symbol; empty fields for an unknown one."""
        code, found = self._asked(params, now)
        newest = found[1].bars(code, date.min, date.max, now, 2) if found else []
        if found is None or not newest:
            return Quote({"output": dict.fromkeys(_PRICE_FIELDS, "")}, 0, code)
        exchange, market, _ = found
        bar, scale, decimals = newest[0], market.scale, exchange.decimals
        output = {
            "rsym": f"D{exchange.code}{code}",
            "zdiv": str(decimals),
            "base": money(bar.base, scale, decimals),
            "pvol": str(newest[1].volume) if len(newest) > 1 else "0",
            "last": money(bar.close, scale, decimals),
            "sign": direction(bar.close, bar.base),
            "diff": unsigned(bar.close - bar.base, scale, decimals),
            "rate": rate(bar.close, bar.base),
            "tvol": str(bar.volume),
            "tamt": str(bar.amount),
            "ordy": "매도불가",  # as in the recorded answer: nobody holds anything here
        }
        return Quote({"output": output}, 1, code)

    def index_chart(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST03030100: at most 100 rows of an index, newest first; nothing for currencies, bonds, gold and stocks."""
        division = field(params, "FID_COND_MRKT_DIV_CODE")
        if division != "N" and division not in _OTHER_DIVISIONS:
            raise invalid("FID_COND_MRKT_DIV_CODE")
        code = field(params, "FID_INPUT_ISCD")
        start, until = day(params, "FID_INPUT_DATE_1"), day(params, "FID_INPUT_DATE_2")
        choice(params, "FID_PERIOD_DIV_CODE", "D")
        index = INDICES.get(code) if division == "N" else None
        newest = self._markets[index.region].levels(index.code, date.min, date.max, now, 2) if index else []
        if index is None or not newest:
            return Quote({"output1": _unknown_index(), "output2": []}, 0, code)
        levels, times = self._markets[index.region].levels(index.code, start, until, now, ROWS_A_CALL), index.times
        rows = [index_row(level, times) for level in levels]
        last, before = newest[0], newest[-1]
        head = {
            "ovrs_nmix_prdy_vrss": points((last.close - before.close) * times),
            "prdy_vrss_sign": sign(last.close - before.close),
            "prdy_ctrt": percent(last.close, before.close),
            "ovrs_nmix_prdy_clpr": points(before.close * times),
            "acml_vol": str(last.volume),
            "hts_kor_isnm": index.label,
            "ovrs_nmix_prpr": points(last.close * times),
            "stck_shrn_iscd": code,
            "prdy_vol": str(before.volume),
            "ovrs_prod_oprc": points(last.open * times),
            "ovrs_prod_hgpr": points(last.high * times),
            "ovrs_prod_lwpr": points(last.low * times),
        }
        return Quote({"output1": head, "output2": rows}, len(rows), code)

    def _asked(self, params: Mapping[str, str], now: datetime) -> tuple[str, tuple[Exchange, Market, Name] | None]:
        """The symbol asked for, and where it is listed if the exchange asked has it by now."""
        exchange = EXCHANGES.get(field(params, "EXCD"))
        code = field(params, "SYMB")
        if exchange is None:
            return code, None
        market = self._markets[exchange.region]
        name = market.find(code)
        if name is None or name.venue != exchange.venue:
            return code, None
        return code, (exchange, market, name) if name.listed <= today(market.calendar_of(name.venue), now) else None


def _unknown_index() -> dict[str, str]:
    """output1 for a code KIS does not know."""
    levels = (
        *("ovrs_nmix_prdy_vrss", "prdy_ctrt", "ovrs_nmix_prdy_clpr", "ovrs_nmix_prpr"),
        *("ovrs_prod_oprc", "ovrs_prod_hgpr", "ovrs_prod_lwpr"),
    )
    texts = {"prdy_vrss_sign": "3", "acml_vol": "0", "hts_kor_isnm": "", "stck_shrn_iscd": "", "prdy_vol": "0"}
    return dict.fromkeys(levels, "0.00") | texts
