"""A client of KIS's overseas calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode


class Overseas:
    """A client of the overseas calls: each answers with its body; `cont` keeps the last answer's header tr_cont."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.cont = ""

    def ask(self, tr: str, path: str, cont: str = "", **params: str) -> Any:
        """One data call with the header tr_cont."""
        if not self.client.token:
            self.client.login()
        headers = {**self.client.headers(tr), "tr_cont": cont}
        status, answered, body = self.client.ask("GET", f"/uapi/{path}?{urlencode(params)}", headers=headers)
        assert status == 200
        self.cont = answered["tr_cont"]
        return body

    def daily(self, code: str, exchange: str = "NAS", **changed: str) -> Any:
        """HHDFS76240000, raw days up to today unless told otherwise."""
        params = {"AUTH": "", "EXCD": exchange, "SYMB": code, "GUBN": "0", "BYMD": "", "MODP": "0", "KEYB": "", **changed}
        return self.ask("HHDFS76240000", "overseas-price/v1/quotations/dailyprice", **params)

    def search(self, exchange: str, cont: str = "", **params: str) -> Any:
        """HHDFS76410000 with these conditions."""
        path = "overseas-price/v1/quotations/inquire-search"
        return self.ask("HHDFS76410000", path, cont, **{"AUTH": "", "EXCD": exchange, **params})

    def index(self, code: str, **changed: str) -> Any:
        """FHKST03030100, days of two years unless told otherwise."""
        params = {
            "FID_COND_MRKT_DIV_CODE": "N",
            "FID_INPUT_ISCD": code,
            "FID_INPUT_DATE_1": "20250101",
            "FID_INPUT_DATE_2": "20261120",
            "FID_PERIOD_DIV_CODE": "D",
        }
        return self.ask("FHKST03030100", "overseas-price/v1/quotations/inquire-daily-chartprice", **{**params, **changed})

    def info(self, product: str, code: str) -> Any:
        """CTPF1702R."""
        return self.ask("CTPF1702R", "overseas-price/v1/quotations/search-info", PRDT_TYPE_CD=product, PDNO=code)

    def holiday(self, day: str) -> Any:
        """CTOS5011R."""
        path = "overseas-stock/v1/quotations/countries-holiday"
        return self.ask("CTOS5011R", path, TRAD_DT=day, CTX_AREA_NK="", CTX_AREA_FK="")
