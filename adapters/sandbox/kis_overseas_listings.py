"""What KIS answers about overseas listings and holidays: ledger calls of the real host only."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date, datetime

from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_calls import KST, Quote, day, field
from adapters.sandbox.kis_exchanges import BY_PRODUCT, BY_VENUE, CURRENCY_NAMES, Exchange
from adapters.sandbox.kis_listings import FOUND, bank_day, next_business_day, nothing_found
from adapters.sandbox.kis_master import checked
from adapters.sandbox.kis_overseas_bars import money
from adapters.sandbox.market import Market, Name
from adapters.sandbox.sessions import opens_on, today
from pipeline.errors import CalendarUnknown

#: ovrs_stck_dvsn_cd by the kind of a name: stock, warrant, ETF.
_DIVISIONS = {"2": "01", "3": "03", "4": "02"}


class OverseasListings:
    """The overseas listing and holiday calls over the markets of KIS's regions."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets

    def product_info(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTPF1702R: one listing, with its first day and, once it is over, its end; rt_cd 7 for an unknown product."""
        exchange, currency, name = self._product(params, now)
        market, product, country = self._markets[exchange.region], exchange.products[currency], exchange.country
        local = today(market.calendar_of(name.venue), now)
        over = name.ended is not None and name.ended <= local
        newest = market.bars(name.code, date.min, date.max, now, 1)
        output = {
            "std_pdno": isin(name.code, country.letters),
            "prdt_eng_name": name.english or name.name,
            "natn_cd": country.number,
            "natn_name": country.name,
            "tr_mket_cd": product.market,
            "tr_mket_name": product.market_name,
            "ovrs_excg_cd": exchange.order_code,
            "ovrs_excg_name": exchange.name,
            "tr_crcy_cd": currency,
            "ovrs_papr": "0.00000",
            "crcy_name": CURRENCY_NAMES[currency],
            "ovrs_stck_dvsn_cd": _DIVISIONS.get(name.group, "01"),
            "prdt_clsf_cd": "101210",
            "prdt_clsf_name": "해외주식",
            "sll_unit_qty": str(exchange.sell_lot or name.lot),
            "buy_unit_qty": str(name.lot),
            "tr_unit_amt": "0",
            "lstg_stck_num": str(share_count(name, market.steps(name.code, now))),
            "lstg_dt": f"{name.listed:%Y%m%d}",
            "ovrs_stck_tr_stop_dvsn_cd": "03" if market.halted(name.code, local) else "01",
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
            "blbg_tckr_text": f"{_root(name.code)} {country.terminal}",
            "ovrs_stck_etf_risk_drtp_cd": name.etyp,
            "etp_chas_erng_rt_dbnb": "0.000000",
            "istt_usge_isin_cd": isin(name.code, country.letters),
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
            "ovrs_now_pric1": money(newest[0].close, market.scale, 5) if newest else "0.00000",
            "last_rcvg_dtime": f"{now.astimezone(KST):%Y%m%d%H%M%S}",
        }
        return Quote({"output": output}, 1, name.code, **FOUND)

    def holidays(self, params: Mapping[str, str], now: datetime) -> Quote:
        """CTOS5011R: the exchanges open on TRAD_DT with their settlement days; none on a closed day or one to come.

        A row an exchange and currency, by product type, also of regions that are not served here. Where a calendar does
        not know the day of settlement, the row is left out.
        """
        asked = day(params, "TRAD_DT")
        rows = []
        if asked <= now.astimezone(KST).date():
            for code, (exchange, currency) in sorted(BY_PRODUCT.items()):
                if not self._opens_on(exchange, asked):
                    continue
                product, country = exchange.products[currency], exchange.country
                try:
                    local, domestic = self._settled(exchange, asked)
                except CalendarUnknown:
                    continue
                rows.append(
                    {
                        "prdt_type_cd": code,
                        "tr_natn_cd": country.number,
                        "tr_natn_name": country.name,
                        "natn_eng_abrv_cd": country.letters,
                        "tr_mket_cd": product.market,
                        "tr_mket_name": product.market_name,
                        "acpl_sttl_dt": f"{local:%Y%m%d}",
                        "dmst_sttl_dt": f"{domestic:%Y%m%d}",
                    }
                )
        body = {"ctx_area_fk": f"{asked:%Y%m%d}".ljust(20), "ctx_area_nk": " " * 20, "output": rows}
        return Quote(body, len(rows), "", **FOUND)

    def _opens_on(self, exchange: Exchange, asked: date) -> bool:
        """Whether KIS's customers can trade there on that day."""
        venues = [BY_VENUE[venue] for venue in (exchange.venue, exchange.also) if venue]
        return all(opens_on(self._markets[at.region].calendar_of(at.venue), asked) for at in venues)

    def _settled(self, exchange: Exchange, traded: date) -> tuple[date, date]:
        """The days on which a trade settles there and in the account."""
        venue = self._markets[exchange.region].calendar_of(exchange.venue)
        local = traded
        for _ in range(next(sessions for since, sessions in exchange.settlement[::-1] if since <= traded)):
            local = venue.next_session(local)
        return local, local if not exchange.lag and bank_day(local) else next_business_day(local)

    def _product(self, params: Mapping[str, str], now: datetime) -> tuple[Exchange, str, Name]:
        """The listing asked for, once it is there, with its exchange and currency."""
        exchange, currency = BY_PRODUCT.get(field(params, "PRDT_TYPE_CD"), (None, ""))
        code = field(params, "PDNO")
        name = self._markets[exchange.region].find(code) if exchange else None
        if exchange is None or name is None or (name.venue, name.currency or exchange.currency) != (exchange.venue, currency):
            raise nothing_found()
        if name.listed > today(self._markets[exchange.region].calendar_of(name.venue), now):
            raise nothing_found()
        return exchange, currency, name


def isin(code: str, letters: str) -> str:
    """A made-up ISIN of a symbol in a country, always the same one, with its check digit."""
    return checked(f"{letters}{zlib.crc32(code.encode()) % 1_000_000_000:09d}")


def _root(code: str) -> str:
    """A symbol as the terminal writes it: Hong Kong's without zeros in front."""
    return code.lstrip("0") if len(code) == 5 and code.isdigit() else code
