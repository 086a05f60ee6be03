"""What KIS answers about overseas listings and holidays: ledger calls of the real host only."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date, datetime

from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_calls import KST, Quote, day, field
from adapters.sandbox.kis_exchanges import BY_PRODUCT, EXCHANGES, Exchange
from adapters.sandbox.kis_listings import FOUND, next_business_day, nothing_found
from adapters.sandbox.kis_master import checked
from adapters.sandbox.kis_overseas_bars import money
from adapters.sandbox.market import Market, Name
from pipeline.calendars import VenueCalendar
from pipeline.errors import CalendarUnknown

#: ovrs_stck_dvsn_cd by the kind of a name: stock, warrant, ETF.
_DIVISIONS = {"2": "01", "3": "03", "4": "02"}
#: From this day on US trades settle one session later, before two (SEC rule 15c6-1).
_NEXT_SESSION = date(2024, 5, 28)


class OverseasListings:
    """The overseas listing and holiday calls over one market."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def product_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1702R: one listing, with its first day and, once it is over, its end; rt_cd 7 for an unknown product."""
        exchange, name = self._product(params, now)
        today = now.astimezone(self._market.timezone).date()
        over = name.ended is not None and name.ended <= today
        newest = self._market.bars(name.code, date.min, date.max, now, 1)
        output = {
            "std_pdno": isin(name.code),
            "prdt_eng_name": name.english or name.name,
            "natn_cd": "840",
            "natn_name": "미국",
            "tr_mket_cd": exchange.market,
            "tr_mket_name": exchange.market_name,
            "ovrs_excg_cd": exchange.order_code,
            "ovrs_excg_name": exchange.name,
            "tr_crcy_cd": "USD",
            "ovrs_papr": "0.00000",
            "crcy_name": "미국달러",
            "ovrs_stck_dvsn_cd": _DIVISIONS.get(name.group, "01"),
            "prdt_clsf_cd": "101210",
            "prdt_clsf_name": "해외주식",
            "sll_unit_qty": str(name.lot),
            "buy_unit_qty": str(name.lot),
            "tr_unit_amt": "0",
            "lstg_stck_num": str(share_count(name, self._market.steps(name.code, now))),
            "lstg_dt": f"{name.listed:%Y%m%d}",
            "ovrs_stck_tr_stop_dvsn_cd": "03" if self._market.halted(name.code, today) else "01",
            "lstg_abol_item_yn": "Y" if over else "N",
            "ovrs_stck_prdt_grp_no": str(zlib.crc32(name.code.encode()) % 10_000),
            "lstg_yn": "N" if over else "Y",
            "tax_levy_yn": "N",
            "ovrs_stck_erlm_rosn_cd": "00",
            "ovrs_stck_hist_rght_dvsn_cd": "00",
            "chng_bf_pdno": "",
            "prdt_type_cd_2": "",
            "ovrs_item_name": "",
            "sedol_no": "",
            "blbg_tckr_text": f"{name.code} US",
            "ovrs_stck_etf_risk_drtp_cd": name.etyp,
            "etp_chas_erng_rt_dbnb": "0.000000",
            "istt_usge_isin_cd": isin(name.code),
            "mint_svc_yn": "N",
            "mint_svc_yn_chng_dt": "",
            "prdt_name": name.name,
            "lei_cd": "",
            "ovrs_stck_stop_rson_cd": "05" if over else "",
            "lstg_abol_dt": f"{name.ended:%Y%m%d}" if over else "",
            "mini_stk_tr_stat_dvsn_cd": "01",
            "mint_frst_svc_erlm_dt": "",
            "mint_dcpt_trad_psbl_yn": "N",
            "mint_fnum_trad_psbl_yn": "N",
            "mint_cblc_cvsn_ipsb_yn": "N",
            "ptp_item_yn": "N",
            "ptp_item_trfx_exmt_yn": "N",
            "ptp_item_trfx_exmt_strt_dt": "",
            "ptp_item_trfx_exmt_end_dt": "",
            "dtm_tr_psbl_yn": "Y",
            "sdrf_stop_ecls_yn": "N",
            "sdrf_stop_ecls_erlm_dt": "00000000",
            "memo_text1": "",
            "ovrs_now_pric1": f"{money(newest[0].close, self._market.scale)}0" if newest else "0.00000",
            "last_rcvg_dtime": f"{now.astimezone(KST):%Y%m%d%H%M%S}",
        }
        return Quote({"output": output}, 1, name.code, **FOUND)

    def holidays(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTOS5011R: the exchanges open on TRAD_DT with their settlement days; none on a closed day or one to come."""
        asked = day(params, "TRAD_DT")
        rows = []
        if asked <= now.astimezone(KST).date() and _open(self._market.calendar, asked):
            local = self._market.calendar.next_session(asked)
            if asked < _NEXT_SESSION:
                local = self._market.calendar.next_session(local)
            rows = [
                {
                    "prdt_type_cd": exchange.product,
                    "tr_natn_cd": "840",
                    "tr_natn_name": "미국",
                    "natn_eng_abrv_cd": "US",
                    "tr_mket_cd": exchange.market,
                    "tr_mket_name": exchange.market_name,
                    "acpl_sttl_dt": f"{local:%Y%m%d}",
                    "dmst_sttl_dt": f"{next_business_day(local):%Y%m%d}",
                }
                for exchange in EXCHANGES.values()
            ]
        body = {"ctx_area_fk": f"{asked:%Y%m%d}".ljust(20), "ctx_area_nk": " " * 20, "output": rows}
        return Quote(body, len(rows), "", **FOUND)

    def _product(self, params: Mapping[str, str], now: datetime) -> tuple[Exchange, Name]:
        """The listing asked for, once it is there."""
        exchange, code = BY_PRODUCT.get(field(params, "PRDT_TYPE_CD")), field(params, "PDNO")
        name = self._market.find(code)
        today = now.astimezone(self._market.timezone).date()
        if exchange is None or name is None or name.venue != exchange.venue or name.listed > today:
            raise nothing_found()
        return exchange, name


def isin(code: str) -> str:
    """A made-up US ISIN of a symbol, always the same one, with its check digit."""
    return checked(f"US{zlib.crc32(code.encode()) % 1_000_000_000:09d}")


def _open(venue: VenueCalendar, asked: date) -> bool:
    """Whether the venue trades on that day; not on one its calendar does not know."""
    try:
        return venue.is_session(asked)
    except CalendarUnknown:
        return False
