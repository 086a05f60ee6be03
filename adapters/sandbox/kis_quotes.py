"""What KIS answers to its domestic quotation calls, from a market. Every value is a string, numbers included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from adapters.sandbox import ticks
from adapters.sandbox.kis_bars import INDICES, daily_row, grouped, index_row, percent, reasons, share_count, sign
from adapters.sandbox.kis_calls import Quote, choice, day, field, flag, invalid
from adapters.sandbox.kis_price import price_fields
from adapters.sandbox.market import Bar, Market, Name, price_factor

ROWS_A_CALL = 100
INDEX_ROWS_A_CALL = 50
_RECENT_ROWS = 30
#: J is KRX alone; NX (NXT) and UN (both) trade other volumes at the same prices here.
_VOLUME_SHARE = {"J": 1.0, "NX": 0.25, "UN": 1.25}


class Quotations:
    """The domestic quotation calls over one market; each takes its parameters (upper-case names) and the time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def daily_chart(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST03010100: at most 100 rows, newest first, inclusive dates. FID_ORG_ADJ_PRC 0 = adjusted, 1 = raw."""
        venue = _market_code(params)
        code = field(params, "FID_INPUT_ISCD")
        start, until = day(params, "FID_INPUT_DATE_1"), day(params, "FID_INPUT_DATE_2")
        period = choice(params, "FID_PERIOD_DIV_CODE", "DWMY")
        adjusted = flag(params, "FID_ORG_ADJ_PRC") == 0
        name, newest = self._newest(code, now)
        if name is None or not newest:
            return Quote({"output1": _unknown_head(), "output2": [{}]}, 0, code)
        limit = ROWS_A_CALL if period == "D" else None
        bars = self._market.bars(code, start, until, now, limit)
        steps = self._market.steps(code, now)
        why = reasons(steps) if period == "D" else {}
        if not adjusted:
            steps = ()
        if period != "D":
            bars = grouped(bars, steps, period)[:ROWS_A_CALL]
            steps = ()
        share = _VOLUME_SHARE[venue]
        rows = [daily_row(bar, price_factor(steps, bar.date) if steps else 1.0, share, why.get(bar.date, "")) for bar in bars]
        return Quote({"output1": self._head(name, newest, now), "output2": rows}, len(rows), code)

    def recent_days(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST01010400: the last 30 sessions, weeks or months. Inverse flag: FID_ORG_ADJ_PRC 0 = raw, 1 = adjusted."""
        venue = _market_code(params)
        code = field(params, "FID_INPUT_ISCD")
        period = choice(params, "FID_PERIOD_DIV_CODE", "DWM")
        adjusted = flag(params, "FID_ORG_ADJ_PRC") == 1
        if self._market.find(code) is None:
            return Quote({"output": [{}]}, 0, code)
        limit = _RECENT_ROWS + 1 if period == "D" else None
        bars = self._market.bars(code, date.min, date.max, now, limit)
        steps = self._market.steps(code, now)
        if period != "D":
            bars = grouped(bars, steps if adjusted else (), period)
            steps = ()
        rows = []
        for position, bar in enumerate(bars[:_RECENT_ROWS]):
            factor = price_factor(steps, bar.date)
            row = daily_row(bar, factor if adjusted else 1.0, _VOLUME_SHARE[venue])
            before = bars[position + 1].volume if position + 1 < len(bars) else 0
            rows.append(
                {
                    "stck_bsop_date": row["stck_bsop_date"],
                    "stck_oprc": row["stck_oprc"],
                    "stck_hgpr": row["stck_hgpr"],
                    "stck_lwpr": row["stck_lwpr"],
                    "stck_clpr": row["stck_clpr"],
                    "acml_vol": row["acml_vol"],
                    "prdy_vrss_vol_rate": percent(bar.volume, before),
                    "prdy_vrss": row["prdy_vrss"],
                    "prdy_vrss_sign": row["prdy_vrss_sign"],
                    "prdy_ctrt": percent(bar.close, bar.base),
                    "hts_frgn_ehrt": "0.00",
                    "frgn_ntby_qty": "0",
                    "flng_cls_code": bar.ex,
                    "acml_prtt_rate": f"{factor:.2f}",
                }
            )
        return Quote({"output": rows}, len(rows), code)

    def price(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST01010100: the current price of one name; stck_prpr "0" for an unknown code."""
        _market_code(params)
        code = field(params, "FID_INPUT_ISCD")
        name, newest = self._newest(code, now)
        if name is None or not newest:
            return Quote({"output": {"stck_prpr": "0", "stck_shrn_iscd": code}}, 0, code)
        year_ago = newest[0].date - timedelta(days=365)
        year = self._market.bars(code, year_ago, date.max, now)
        halted = self._market.halted(code, newest[0].date)
        output = price_fields(name, self._head(name, newest, now), year, halted=halted)
        return Quote({"output": output}, 1, code)

    def index_chart(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKUP03500100: at most 50 rows of an index, newest first; volume in thousands, amount in million KRW."""
        if field(params, "FID_COND_MRKT_DIV_CODE") != "U":
            raise invalid("FID_COND_MRKT_DIV_CODE")
        code = field(params, "FID_INPUT_ISCD")
        start, until = day(params, "FID_INPUT_DATE_1"), day(params, "FID_INPUT_DATE_2")
        choice(params, "FID_PERIOD_DIV_CODE", "D")
        ours, label = INDICES.get(code, ("", ""))
        levels = self._market.levels(ours, start, until, now, INDEX_ROWS_A_CALL)
        newest = self._market.levels(ours, date.min, date.max, now, 2)
        rows = [index_row(level) for level in levels]
        head = dict.fromkeys(("bstp_nmix_prpr", "bstp_nmix_prdy_vrss", "bstp_nmix_prdy_ctrt", "prdy_nmix"), "0.00")
        head |= {"prdy_vrss_sign": "3", "acml_vol": "0", "acml_tr_pbmn": "0", "hts_kor_isnm": label, "prdy_vol": "0"}
        head["bstp_cls_code"] = code if newest else ""
        if newest:
            last = newest[0]
            before = newest[1] if len(newest) > 1 else last
            row = index_row(last)
            head |= {key: row[key] for key in row if key.startswith(("bstp", "acml"))}
            head |= {
                "bstp_nmix_prdy_vrss": f"{(last.close - before.close) / 100:.2f}",
                "prdy_vrss_sign": sign(last.close - before.close),
                "bstp_nmix_prdy_ctrt": percent(last.close, before.close),
                "prdy_nmix": f"{before.close / 100:.2f}",
                "prdy_vol": str(before.volume // 1000),
            }
        return Quote({"output1": head, "output2": rows}, len(rows), code)

    def _newest(self, code: str, now: datetime) -> tuple[Name | None, list[Bar]]:
        """The listing and its last two visible bars."""
        name = self._market.find(code)
        return name, self._market.bars(code, date.min, date.max, now, 2) if name else []

    def _head(self, name: Name, newest: list[Bar], now: datetime) -> dict[str, str]:
        """output1 of the daily chart: the current state of the name."""
        bar = newest[0]
        before = newest[1] if len(newest) > 1 else bar
        shares = share_count(name, self._market.steps(name.code, now))
        floor, ceiling = ticks.grid("XKRX" if name.venue == "XKRX" else "XKOS", bar.date).limits(int(bar.base))
        change = bar.close - bar.base
        return {
            "prdy_vrss": str(change),
            "prdy_vrss_sign": sign(change),
            "prdy_ctrt": percent(bar.close, bar.base),
            "stck_prdy_clpr": str(before.close),
            "acml_vol": str(bar.volume),
            "acml_tr_pbmn": str(bar.amount),
            "hts_kor_isnm": name.name,
            "stck_prpr": str(bar.close),
            "stck_shrn_iscd": name.code,
            "prdy_vol": str(before.volume),
            "stck_mxpr": str(ceiling),
            "stck_llam": str(floor),
            "stck_oprc": str(bar.open),
            "stck_hgpr": str(bar.high),
            "stck_lwpr": str(bar.low),
            "stck_prdy_oprc": str(before.open),
            "stck_prdy_hgpr": str(before.high),
            "stck_prdy_lwpr": str(before.low),
            "askp": str(bar.close),
            "bidp": str(bar.close),
            "prdy_vrss_vol": str(bar.volume - before.volume),
            "vol_tnrt": f"{bar.volume * 100 / shares:.2f}",
            "stck_fcam": str(name.face),
            "lstn_stcn": str(shares),
            "cpfn": str(shares * name.face // 100_000_000),
            "hts_avls": str(int(bar.close) * shares // 100_000_000),
            "per": "0.00",
            "eps": "0.00",
            "pbr": "0.00",
            "itewhol_loan_rmnd_ratem": "0.00",
        }


def _unknown_head() -> dict[str, str]:
    """output1 for a code KIS does not know."""
    zeros = (
        *("prdy_vrss", "stck_prdy_clpr", "acml_vol", "acml_tr_pbmn", "stck_prpr", "prdy_vol", "lstn_stcn", "hts_avls"),
        *("stck_mxpr", "stck_llam", "stck_oprc", "stck_hgpr", "stck_lwpr"),
    )
    texts = {"prdy_vrss_sign": "3", "prdy_ctrt": "0.00", "hts_kor_isnm": "", "stck_shrn_iscd": ""}
    return dict.fromkeys(zeros, "0") | texts


def _market_code(params: Mapping[str, str]) -> str:
    code = field(params, "FID_COND_MRKT_DIV_CODE")
    if code not in _VOLUME_SHARE:
        raise invalid("FID_COND_MRKT_DIV_CODE")
    return code
