"""What KIS answers about listings and the calendar: ledger calls of the real host only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_calls import KST, Quote, Refusal, day, field
from adapters.sandbox.kis_master import isin
from adapters.sandbox.market import Market, Name
from pipeline.calendars import calendar
from pipeline.errors import CalendarUnknown

_HOLIDAY_ROWS = 24
_TEXT_BYTES = 80


def _padded(text: str) -> str:
    return text + " " * (_TEXT_BYTES - len(text.encode("cp949")))


#: How the ledger says that it found something, and that there is more; its texts fill 80 bytes of cp949.
FOUND = {"msg_cd": "KIOK0530", "msg1": _padded("조회되었습니다")}
_MORE = {"msg_cd": "KIOK0500", "msg1": _padded("조회가 계속됩니다..다음버튼을 Click 하십시오.")}
#: Fields of CTPF1002R this market has nothing to say about: printed empty, as KIS prints unused ones.
_EMPTY = (
    *("frbd_mket_lstg_dt", "frbd_mket_lstg_abol_dt", "mfnd_opng_dt", "mfnd_end_dt", "dpsi_erlm_cncl_dt", "etf_type_cd"),
    *("idx_bztp_lcls_cd", "idx_bztp_mcls_cd", "idx_bztp_scls_cd", "idx_bztp_lcls_cd_name", "idx_bztp_mcls_cd_name"),
    *("idx_bztp_scls_cd_name", "std_idst_clsf_cd", "std_idst_clsf_cd_name", "ocr_no", "issu_istt_cd"),
    *("thco_sbst_pric_chng_dt", "stln_int_rt_dvsn_cd", "lstg_rqsr_issu_istt_cd", "lstg_rqsr_item_cd"),
    "trst_istt_issu_istt_cd",
)


class Listings:
    """The listing and calendar calls over one market; each takes its parameters (upper-case names) and the time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def stock_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1002R: one listing, with its first day and, once it is over, its end; rt_cd 7 for an unknown product."""
        name = self._product(params, now)
        today = now.astimezone(KST).date()
        bars = self._market.bars(name.code, date.min, date.max, now, 2)
        ended = f"{name.ended:%Y%m%d}" if name.ended and name.ended <= today else ""
        listed = f"{name.listed:%Y%m%d}"
        kospi, kosdaq = name.venue == "XKRX", name.venue == "XKOS"
        shares = share_count(name, self._market.steps(name.code, now))
        output = dict.fromkeys(_EMPTY, "") | {
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
            "reits_kind_cd": "2" if name.group == "RT" else "",
            "etf_dvsn_cd": "1" if name.group == "EF" else "0",
            "oilf_fund_yn": "N",
            "stck_kind_cd": "101",
            "etf_cu_qty": "0",
            "dpsi_aptm_erlm_yn": "Y",
            "etf_txtn_type_cd": "00",
            "lstg_abol_dt": ended,
            "nwst_odst_dvsn_cd": "1",
            "sbst_pric": "0",
            "thco_sbst_pric": "0",
            "tr_stop_yn": "Y" if self._market.halted(name.code, today) else "N",
            "admn_item_yn": "N",
            "thdt_clpr": str(bars[0].close) if bars else "0",
            "bfdy_clpr": str(bars[1].close) if len(bars) > 1 else "0",
            "clpr_chng_dt": f"{bars[0].date:%Y%m%d}" if bars else "",
            "crfd_item_yn": "N",
            "elec_scty_yn": "Y",
            "etf_chas_erng_rt_dbnb": "0",
            "etf_etn_ivst_heed_item_yn": "N",
            "frnr_psnl_lmt_rt": "0.00000000",
            "cptt_trad_tr_psbl_yn": "N",
            "nxt_tr_stop_yn": "N",
        }
        return Quote({"output": output}, 1, name.code, **FOUND)

    def product_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1604R: the short version of `stock_info`."""
        name = self._product(params, now)
        output = {
            **_product_head(name),
            "prdt_sale_stat_cd": "",
            "prdt_risk_grad_cd": "",
            "prdt_clsf_cd": "301100",
            "prdt_clsf_name": "주권",
            "sale_strt_dt": "",
            "sale_end_dt": "",
            "wrap_asst_type_cd": "06",
            "ivst_prdt_type_cd": "0301",
            "ivst_prdt_type_cd_name": "주식",
            "frst_erlm_dt": "",
        }
        return Quote({"output": output}, 1, name.code, **FOUND)

    def holidays(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTCA0903R: 24 calendar days from BASS_DT on, as far as the packaged XKRX calendar knows."""
        start = day(params, "BASS_DT")
        venue = calendar("XKRX")
        rows = []
        for at in (start + timedelta(days=n) for n in range(_HOLIDAY_ROWS)):
            try:
                opened = venue.is_session(at)
            except CalendarUnknown:
                break
            rows.append(
                {
                    "bass_dt": f"{at:%Y%m%d}",
                    "wday_dvsn_cd": f"{(at.weekday() + 1) % 7 + 1:02d}",
                    "bzdy_yn": "Y" if opened or _banks_only(at) else "N",
                    "tr_day_yn": "Y",
                    "opnd_yn": "Y" if opened else "N",
                    "sttl_day_yn": "Y" if opened else "N",
                }
            )
        first = field(params, "BASS_DT")
        last = rows[-1]["bass_dt"] if rows else first
        body = {"ctx_area_nk": last.ljust(20), "ctx_area_fk": first.ljust(20), "output": rows}
        return Quote(body, len(rows), "", **_MORE)

    def _product(self, params: Mapping[str, str], now: datetime) -> Name:
        """The listing asked for, once it is there."""
        kind, code = field(params, "PRDT_TYPE_CD"), field(params, "PDNO")
        name = self._market.find(code) if kind == "300" else None
        if name is None or name.listed > now.astimezone(KST).date():
            raise nothing_found()
        return name


def nothing_found() -> Refusal:
    """The answer about a product that KIS does not know."""
    return Refusal(200, "KIOK0560", _padded("조회할 내용이 없습니다"), rt_cd="7")


def next_business_day(after: date) -> date:
    """The first day after `after` on which Korean banks work."""
    day = after + timedelta(days=1)
    while not bank_day(day):
        day += timedelta(days=1)
    return day


def bank_day(day: date) -> bool:
    """Whether Korean banks work on that day."""
    return calendar("XKRX").is_session(day) or _banks_only(day)


def _banks_only(day: date) -> bool:
    """Whether banks work though the exchange may not: its year-end closing day (recorded: 2022-12-30)."""
    return day.weekday() < 5 and (day.month, day.day) in ((12, 30), (12, 31))


def _product_head(name: Name) -> dict[str, str]:
    """The fields both product calls begin with."""
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
