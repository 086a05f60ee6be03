"""What KIS answers to its overseas quotation calls, from a market. Every value is a string, numbers included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from adapters.sandbox.kis_bars import grouped, percent, sign
from adapters.sandbox.kis_calls import Quote, choice, day, field, flag, invalid
from adapters.sandbox.kis_exchanges import EXCHANGES
from adapters.sandbox.kis_overseas_bars import INDICES, daily_row, direction, index_row, money, points, rate, unsigned
from adapters.sandbox.market import Market, Name, price_factor

ROWS_A_CALL = 100
#: GUBN -> the period of `grouped`; "0" are days.
_PERIODS = {"1": "W", "2": "M"}
_PRICE_FIELDS = ("rsym", "zdiv", "base", "pvol", "last", "sign", "diff", "rate", "tvol", "tamt", "ordy")
#: Divisions of FHKST03030100 that this market has nothing of: currencies, bonds, gold.
_OTHER_DIVISIONS = ("X", "I", "S")


class OverseasQuotations:
    """The overseas quotation calls over one market; each takes its parameters (upper-case names) and the time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def daily(self, params: Mapping[str, str], now: datetime) -> Quote:
        """HHDFS76240000: at most 100 rows up to BYMD (blank: today), newest first. MODP 0 = raw, 1 = adjusted.

        A symbol the exchange does not have, the exchange's code in lower case included, has empty fields and no rows.
        """
        code, name = self._asked(params, now)
        period = _PERIODS.get(choice(params, "GUBN", "012"))
        until = day(params, "BYMD") if params.get("BYMD", "").strip() else date.max
        adjusted = flag(params, "MODP") == 1
        if name is None:
            return Quote({"output1": dict.fromkeys(("rsym", "zdiv", "nrec"), ""), "output2": []}, 0, code)
        bars = self._market.bars(code, date.min, until, now, None if period else ROWS_A_CALL)
        steps = self._market.steps(code, now) if adjusted else ()
        if period:
            bars, steps = grouped(bars, steps, period)[:ROWS_A_CALL], ()
        scale = self._market.scale
        rows = [daily_row(bar, price_factor(steps, bar.date) if steps else 1.0, scale) for bar in bars]
        head = {"rsym": f"D{params['EXCD'].strip()}{code}", "zdiv": "4", "nrec": str(len(rows))}
        return Quote({"output1": head, "output2": rows}, len(rows), code)

    def price(self, params: Mapping[str, str], now: datetime) -> Quote:
        """HHDFS00000300: the last price of one symbol; empty fields for an unknown one."""
        code, name = self._asked(params, now)
        newest = self._market.bars(code, date.min, date.max, now, 2) if name else []
        if not newest:
            return Quote({"output": dict.fromkeys(_PRICE_FIELDS, "")}, 0, code)
        bar, scale = newest[0], self._market.scale
        output = {
            "rsym": f"D{params['EXCD'].strip()}{code}",
            "zdiv": "4",
            "base": money(bar.base, scale),
            "pvol": str(newest[1].volume) if len(newest) > 1 else "0",
            "last": money(bar.close, scale),
            "sign": direction(bar.close, bar.base),
            "diff": unsigned(bar.close - bar.base, scale),
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
        ours, times, label = INDICES.get(code, ("", 1, "")) if division == "N" else ("", 1, "")
        newest = self._market.levels(ours, date.min, date.max, now, 2)
        if not newest:
            return Quote({"output1": _unknown_index(), "output2": []}, 0, code)
        rows = [index_row(level, times) for level in self._market.levels(ours, start, until, now, ROWS_A_CALL)]
        last, before = newest[0], newest[-1]
        head = {
            "ovrs_nmix_prdy_vrss": points((last.close - before.close) * times),
            "prdy_vrss_sign": sign(last.close - before.close),
            "prdy_ctrt": percent(last.close, before.close),
            "ovrs_nmix_prdy_clpr": points(before.close * times),
            "acml_vol": str(last.volume),
            "hts_kor_isnm": label,
            "ovrs_nmix_prpr": points(last.close * times),
            "stck_shrn_iscd": code,
            "prdy_vol": str(before.volume),
            "ovrs_prod_oprc": points(last.open * times),
            "ovrs_prod_hgpr": points(last.high * times),
            "ovrs_prod_lwpr": points(last.low * times),
        }
        return Quote({"output1": head, "output2": rows}, len(rows), code)

    def _asked(self, params: Mapping[str, str], now: datetime) -> tuple[str, Name | None]:
        """The symbol asked for, and its listing where the exchange asked has it by now."""
        exchange = EXCHANGES.get(field(params, "EXCD"))
        code = field(params, "SYMB")
        name = self._market.find(code)
        if exchange is None or name is None or name.venue != exchange.venue:
            return code, None
        return code, name if name.listed <= now.astimezone(self._market.timezone).date() else None


def _unknown_index() -> dict[str, str]:
    """output1 for a code KIS does not know."""
    levels = (
        *("ovrs_nmix_prdy_vrss", "prdy_ctrt", "ovrs_nmix_prdy_clpr", "ovrs_nmix_prpr"),
        *("ovrs_prod_oprc", "ovrs_prod_hgpr", "ovrs_prod_lwpr"),
    )
    texts = {"prdy_vrss_sign": "3", "acml_vol": "0", "hts_kor_isnm": "", "stck_shrn_iscd": "", "prdy_vol": "0"}
    return dict.fromkeys(levels, "0.00") | texts
