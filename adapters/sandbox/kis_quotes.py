"""What KIS answers to its domestic quotation calls, from a market. Every value is a string, numbers included.

A `Quote` is the body of one answer without its envelope, and what the ledger notes about it. `Refusal` is an answer
that is an error in KIS's own words (kis.md section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sandbox import ticks
from adapters.sandbox.kis_bars import INDICES, daily_row, grouped, index_row, percent, sign
from adapters.sandbox.kis_master import isin
from adapters.sandbox.market import Bar, Market, Name, price_factor
from pipeline.calendars import calendar
from pipeline.errors import CalendarUnknown

ROWS_A_CALL = 100
INDEX_ROWS_A_CALL = 50
_RECENT_ROWS = 30
_HOLIDAY_ROWS = 24
_KST = ZoneInfo("Asia/Seoul")
#: J is KRX alone; NX (NXT) and UN (both) trade other volumes at the same prices here.
_VOLUME_SHARE = {"J": 1.0, "NX": 0.25, "UN": 1.25}


class Refusal(Exception):
    """An error answer: HTTP status, rt_cd, msg_cd and msg1."""

    def __init__(self, status: int, code: str, text: str, rt_cd: str = "1") -> None:
        super().__init__(f"{code} {text}")
        self.status = status
        self.body = {"rt_cd": rt_cd, "msg_cd": code, "msg1": text}


@dataclass(frozen=True)
class Quote:
    """The body of an answer, and for the ledger: its rows and the code and range that were asked for."""

    body: dict[str, Any]
    rows: int
    code: str
    start: str = ""
    until: str = ""
    msg_cd: str = "MCA00000"
    msg1: str = "정상처리 되었습니다."


class Quotations:
    """The domestic quotation calls over one market; each takes its parameters (upper-case names) and the time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def daily_chart(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST03010100: at most 100 rows, newest first, inclusive dates. FID_ORG_ADJ_PRC 0 = adjusted, 1 = raw."""
        venue = _market_code(params)
        code = _field(params, "FID_INPUT_ISCD")
        start, until = _day(params, "FID_INPUT_DATE_1"), _day(params, "FID_INPUT_DATE_2")
        period = _choice(params, "FID_PERIOD_DIV_CODE", "DWMY")
        adjusted = _flag(params, "FID_ORG_ADJ_PRC") == 0
        name, newest = self._newest(code, now)
        if name is None or not newest:
            return Quote({"output1": _unknown_head(), "output2": [{}]}, 0, code, start, until)
        limit = ROWS_A_CALL if period == "D" else None
        bars = self._market.bars(code, _date(start), _date(until), now, limit)
        steps = self._market.steps(code, now) if adjusted else ()
        if period != "D":
            bars = grouped(bars, steps, period)[:ROWS_A_CALL]
            steps = ()
        share = _VOLUME_SHARE[venue]
        rows = [daily_row(bar, price_factor(steps, bar.date) if steps else 1.0, share) for bar in bars]
        return Quote({"output1": self._head(name, newest, now), "output2": rows}, len(rows), code, start, until)

    def recent_days(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKST01010400: the last 30 sessions, weeks or months. Inverse flag: FID_ORG_ADJ_PRC 0 = raw, 1 = adjusted."""
        venue = _market_code(params)
        code = _field(params, "FID_INPUT_ISCD")
        period = _choice(params, "FID_PERIOD_DIV_CODE", "DWM")
        adjusted = _flag(params, "FID_ORG_ADJ_PRC") == 1
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
        code = _field(params, "FID_INPUT_ISCD")
        name, newest = self._newest(code, now)
        if name is None or not newest:
            return Quote({"output": {"stck_prpr": "0", "stck_shrn_iscd": code}}, 0, code)
        bar = newest[0]
        year = self._market.bars(code, bar.date - timedelta(days=365), date.max, now)
        traded = [row for row in year if row.open] or [bar._replace(high=bar.close, low=bar.close)]
        highest, lowest = max(traded, key=lambda row: row.high), min(traded, key=lambda row: row.low)
        halted = self._market.halted(code, bar.date)
        head = self._head(name, newest, now)
        output = {
            "iscd_stat_cls_code": "58" if halted else "55",
            "marg_rate": "40.00",
            "rprs_mrkt_kor_name": {"XKRX": "KOSPI", "XKOS": "KOSDAQ"}.get(name.venue, "KONEX"),
            "temp_stop_yn": "Y" if halted else "N",
            "oprc_rang_cont_yn": "N",
            "clpr_rang_cont_yn": "N",
            "crdt_able_yn": "Y",
            "elw_pblc_yn": "N",
            "stck_sdpr": str(bar.base),
            "wghn_avrg_stck_prc": f"{bar.amount / bar.volume:.2f}" if bar.volume else "0.00",
            "prdy_vrss_vol_rate": percent(bar.volume, newest[1].volume if len(newest) > 1 else 0),
            "aspr_unit": str(ticks.grid("XKRX" if name.venue == "XKRX" else "XKOS", bar.date).tick(int(bar.close))),
            "hts_deal_qty_unit_val": str(name.lot),
            "bps": "0.00",
            "stac_month": "12",
            "w52_hgpr": str(highest.high),
            "w52_hgpr_date": f"{highest.date:%Y%m%d}",
            "w52_lwpr": str(lowest.low),
            "w52_lwpr_date": f"{lowest.date:%Y%m%d}",
            "d250_hgpr": str(highest.high),
            "d250_hgpr_date": f"{highest.date:%Y%m%d}",
            "d250_lwpr": str(lowest.low),
            "d250_lwpr_date": f"{lowest.date:%Y%m%d}",
            "mrkt_warn_cls_code": "00",
            "short_over_yn": "N",
            "invt_caful_yn": "N",
            "vi_cls_code": "N",
            "ovtm_vi_cls_code": "N",
            "ssts_yn": "Y",
            "sltr_yn": "N",
            "mang_issu_cls_code": "N",
        }
        kept = ("stck_prpr", "prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "acml_vol", "acml_tr_pbmn", "stck_oprc",
                "stck_hgpr", "stck_lwpr", "stck_mxpr", "stck_llam", "stck_fcam", "lstn_stcn", "cpfn", "hts_avls", "per",
                "pbr", "eps", "vol_tnrt", "stck_shrn_iscd")  # fmt: skip
        output.update({key: head[key] for key in kept})
        return Quote({"output": output}, 1, code)

    def index_chart(self, params: Mapping[str, str], now: datetime) -> Quote:
        """FHKUP03500100: at most 50 rows of an index, newest first; volume in thousands, amount in million KRW."""
        if _field(params, "FID_COND_MRKT_DIV_CODE") != "U":
            raise _invalid("FID_COND_MRKT_DIV_CODE")
        code = _field(params, "FID_INPUT_ISCD")
        start, until = _day(params, "FID_INPUT_DATE_1"), _day(params, "FID_INPUT_DATE_2")
        _choice(params, "FID_PERIOD_DIV_CODE", "D")
        ours, label = INDICES.get(code, ("", ""))
        levels = self._market.levels(ours, _date(start), _date(until), now, INDEX_ROWS_A_CALL)
        newest = self._market.levels(ours, date.min, date.max, now, 2)
        rows = [index_row(level) for level in levels]
        head = dict.fromkeys(("bstp_nmix_prpr", "bstp_nmix_prdy_vrss", "bstp_nmix_prdy_ctrt", "prdy_nmix"), "0.00")
        head |= {"prdy_vrss_sign": "3", "acml_vol": "0", "acml_tr_pbmn": "0", "hts_kor_isnm": label, "prdy_vol": "0"}
        head["bstp_cls_code"] = code if label else ""
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
        return Quote({"output1": head, "output2": rows}, len(rows), code, start, until)

    def stock_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1002R: one listing, with its first day and, once it is over, its last; rt_cd 7 for an unknown product."""
        name = self._product(params, now)
        today = now.astimezone(_KST).date()
        bars = self._market.bars(name.code, date.min, date.max, now, 2)
        close = str(bars[0].close) if bars else "0"
        ended = f"{name.ended:%Y%m%d}" if name.ended and name.ended <= today else ""
        listed = f"{name.listed:%Y%m%d}"
        kospi, kosdaq = name.venue == "XKRX", name.venue == "XKOS"
        shares = self._shares(name, now)
        output = {
            **_product_head(name),
            "mket_id_cd": "STK" if kospi else "KSQ" if kosdaq else "KNX",
            "scty_grp_id_cd": name.group,
            "excg_dvsn_cd": "02" if kospi else "03",
            "setl_mmdd": "12",
            "lstg_stqt": str(shares),
            "lstg_cptl_amt": "0",
            "cpta": str(shares * name.face),
            "papr": str(name.face),
            "issu_pric": str(name.face),
            "kospi200_item_yn": "N",
            "scts_mket_lstg_dt": listed if kospi else "",
            "scts_mket_lstg_abol_dt": ended if kospi else "",
            "kosdaq_mket_lstg_dt": listed if kosdaq else "",
            "kosdaq_mket_lstg_abol_dt": ended if kosdaq else "",
            "frbd_mket_lstg_dt": "",
            "frbd_mket_lstg_abol_dt": "",
            "reits_kind_cd": "2" if name.group == "RT" else "",
            "etf_dvsn_cd": "1" if name.group == "EF" else "0",
            "stck_kind_cd": "101",
            "lstg_abol_dt": ended,
            "nwst_odst_dvsn_cd": "1",
            "tr_stop_yn": "Y" if self._market.halted(name.code, today) else "N",
            "admn_item_yn": "N",
            "thdt_clpr": close,
            "bfdy_clpr": str(bars[1].close) if len(bars) > 1 else "0",
            "clpr_chng_dt": f"{bars[0].date:%Y%m%d}" if bars else "",
            "elec_scty_yn": "Y",
            "cptt_trad_tr_psbl_yn": "N",
            "nxt_tr_stop_yn": "N",
        }
        return Quote({"output": output}, 1, name.code, msg_cd="KIOK0530", msg1="조회되었습니다".ljust(80))

    def product_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1604R: the short version of `stock_info`."""
        name = self._product(params, now)
        output = {**_product_head(name), "prdt_sale_stat_cd": "", "prdt_clsf_cd": "301100", "prdt_clsf_name": "주권",
                  "ivst_prdt_type_cd": "0301", "ivst_prdt_type_cd_name": "주식", "frst_erlm_dt": ""}  # fmt: skip
        return Quote({"output": output}, 1, name.code, msg_cd="KIOK0530", msg1="조회되었습니다".ljust(80))

    def holidays(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTCA0903R: 24 calendar days from BASS_DT on, as far as the packaged XKRX calendar knows."""
        start = _day(params, "BASS_DT")
        venue = calendar("XKRX")
        rows = []
        for day in (_date(start) + timedelta(days=n) for n in range(_HOLIDAY_ROWS)):
            try:
                opened = venue.is_session(day)
            except CalendarUnknown:
                break
            business = opened or (day.weekday() < 5 and (day.month, day.day) in ((12, 30), (12, 31)))
            rows.append(
                {
                    "bass_dt": f"{day:%Y%m%d}",
                    "wday_dvsn_cd": f"{(day.weekday() + 1) % 7 + 1:02d}",
                    "bzdy_yn": "Y" if business else "N",
                    "tr_day_yn": "Y",
                    "opnd_yn": "Y" if opened else "N",
                    "sttl_day_yn": "Y" if opened else "N",
                }
            )
        last = rows[-1]["bass_dt"] if rows else start
        body = {"ctx_area_nk": last.ljust(20), "ctx_area_fk": start.ljust(20), "output": rows}
        text = "조회가 계속됩니다..다음버튼을 Click 하십시오.".ljust(80)
        return Quote(body, len(rows), "", start, last, msg_cd="KIOK0500", msg1=text)

    def _newest(self, code: str, now: datetime) -> tuple[Name | None, list[Bar]]:
        """The listing and its last two visible bars."""
        name = self._market.find(code)
        return name, self._market.bars(code, date.min, date.max, now, 2) if name else []

    def _product(self, params: Mapping[str, str], now: datetime) -> Name:
        kind, code = _field(params, "PRDT_TYPE_CD"), _field(params, "PDNO")
        name = self._market.find(code) if kind == "300" else None
        if name is None or name.listed > now.astimezone(_KST).date():
            raise Refusal(200, "KIOK0560", "조회할 내용이 없습니다".ljust(80), rt_cd="7")
        return name

    def _shares(self, name: Name, now: datetime) -> int:
        shares = float(name.shares)
        for step in self._market.steps(name.code, now):
            shares /= step.factor
        return round(shares)

    def _head(self, name: Name, newest: list[Bar], now: datetime) -> dict[str, str]:
        """output1 of the daily chart: the current state of the name."""
        bar = newest[0]
        before = newest[1] if len(newest) > 1 else bar
        shares = self._shares(name, now)
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


def _product_head(name: Name) -> dict[str, str]:
    return {
        "pdno": name.code.rjust(12, "0") if len(name.code) > 6 else f"00000A{name.code}",
        "prdt_type_cd": "300",
        "prdt_name": name.name,
        "prdt_name120": name.name,
        "prdt_abrv_name": name.name,
        "prdt_eng_name": name.code,
        "prdt_eng_name120": name.code,
        "prdt_eng_abrv_name": name.code,
        "std_pdno": isin(name.code),
        "shtn_pdno": name.code,
    }


def _unknown_head() -> dict[str, str]:
    """output1 for a code KIS does not know."""
    zeros = (
        *("prdy_vrss", "stck_prdy_clpr", "acml_vol", "acml_tr_pbmn", "stck_prpr", "prdy_vol", "lstn_stcn", "hts_avls"),
        *("stck_mxpr", "stck_llam", "stck_oprc", "stck_hgpr", "stck_lwpr"),
    )
    texts = {"prdy_vrss_sign": "3", "prdy_ctrt": "0.00", "hts_kor_isnm": "", "stck_shrn_iscd": ""}
    return dict.fromkeys(zeros, "0") | texts


def _field(params: Mapping[str, str], name: str) -> str:
    value = params.get(name, "").strip()
    if not value:
        raise Refusal(200, "OPSQ2001", f"ERROR INPUT FIELD NOT FOUND [{name}]", rt_cd="2")
    return value


def _invalid(name: str) -> Refusal:
    return Refusal(200, "OPSQ2001", f"ERROR INVALID {name}", rt_cd="2")


def _market_code(params: Mapping[str, str]) -> str:
    code = _field(params, "FID_COND_MRKT_DIV_CODE")
    if code not in _VOLUME_SHARE:
        raise _invalid("FID_COND_MRKT_DIV_CODE")
    return code


def _choice(params: Mapping[str, str], name: str, allowed: str) -> str:
    value = _field(params, name)
    if value not in allowed or len(value) != 1:
        raise _invalid(name)
    return value


def _flag(params: Mapping[str, str], name: str) -> int:
    """0 or 1, also as "0000000001"."""
    value = _field(params, name)
    if not value.isdigit() or int(value) > 1:
        raise _invalid(name)
    return int(value)


def _day(params: Mapping[str, str], name: str) -> str:
    """Eight digits; a range may begin before any date there is (python-kis sends 00000101)."""
    value = _field(params, name)
    if len(value) != 8 or not value.isdigit():
        raise _invalid(name)
    return value


def _date(text: str) -> date:
    """The date, or the nearest one the calendar of the computer has."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return date.min if text < "19000101" else date(int(text[:4]), min(max(int(text[4:6]), 1), 12), 28)
