"""The table of overseas exchanges: what each part of the wire is asked for CN, HK, JP and VN, and what no part of it has."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.base import Instrument, Listing, Universe
from adapters.kis import KisAdapter
from adapters.kis.desk import DomesticDesk, OverseasDesk, desk_of
from adapters.kis.exchanges import BY_VENUE, EXCHANGES
from pipeline.calendars import calendar
from pipeline.errors import ConfigError, Unavailable, Unsupported
from pipeline.settings import get_config

DAILY, SEARCH, INFO, INDEX = "HHDFS76240000", "HHDFS76410000", "CTPF1702R", "FHKST03030100"
OVERSEAS = ("US", "CN", "HK", "JP", "VN")
END = dt.date(2024, 6, 28)

#: Instrument, the exchange's code, product type and code of orders, and how the terminal writes the name.
LINES = [
    (Instrument("CN", "600519", "XSHG", "CNY"), "SHS", "551", "SHAA", "600519 CH"),
    (Instrument("CN", "000001", "XSHE", "CNY"), "SZS", "552", "SZAA", "000001 CH"),
    (Instrument("HK", "00700", "XHKG", "HKD"), "HKS", "501", "SEHK", "700 HK"),
    (Instrument("HK", "80700", "XHKG", "CNY"), "HKS", "543", "SEHK", "80700 HK"),
    (Instrument("HK", "09042", "XHKG", "USD"), "HKS", "558", "SEHK", "9042 HK"),
    (Instrument("JP", "7203", "XTKS", "JPY"), "TSE", "515", "TKSE", "7203 JP"),
    (Instrument("JP", "285A", "XTKS", "JPY"), "TSE", "515", "TKSE", "285A JP"),
    (Instrument("JP", "25935", "XTKS", "JPY"), "TSE", "515", "TKSE", "25935 JP"),
    (Instrument("VN", "FPT", "XSTC", "VND"), "HSX", "508", "VNSE", "FPT VN"),
    (Instrument("VN", "SHS", "XHNX", "VND"), "HNX", "507", "HASE", "SHS VN"),
]
Open = Callable[[str], KisAdapter]


@pytest.fixture
def opened(script: Any, settings_home: Path, adapter_on: Callable[..., KisAdapter]) -> Open:
    """`opened(region)`: an adapter of the region's settings on the scripted host."""
    return lambda region: adapter_on(script, settings_home / "state", region=region)


def ok(**parts: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.", **parts}


# which desk, which codes ----------------------------------------------------------------------------------------------


def test_settings_and_the_table_name_the_same_exchanges() -> None:
    named = {mic: code for region in OVERSEAS for mic, code in get_config(region).codes["kis"].items()}
    assert named == {exchange.venue: code for code, exchange in EXCHANGES.items()}
    assert len(BY_VENUE) == len({exchange.number for exchange in EXCHANGES.values()}) == len(EXCHANGES)


def test_the_codes_of_settings_decide_which_desk_serves_a_region() -> None:
    found = {region: desk_of(get_config(region), "kis") for region in ("KR", *OVERSEAS, "AU", "UK", "EU")}
    assert found == {"KR": DomesticDesk, **dict.fromkeys(OVERSEAS, OverseasDesk), "AU": None, "UK": None, "EU": None}


@pytest.mark.parametrize("codes", [{"XTKS": "TYO"}, {"XTKS": "TSE", "XHKG": "J"}])
def test_a_code_that_is_no_exchanges_is_told(codes: dict[str, str]) -> None:
    config = get_config("JP").model_copy(update={"codes": {"kis": codes}})
    with pytest.raises(ConfigError, match=r"codes\.kis of region JP are .*: known are J, NX, UN, NAS"):
        desk_of(config, "kis")


# one listing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "exchange", "product", "orders", "terminal"), LINES, ids=lambda value: str(value)[-10:])
def test_bars_and_listing_are_asked_under_the_exchanges_codes(
    script: Any, opened: Open, line: Instrument, exchange: str, product: str, orders: str, terminal: str
) -> None:
    venue = next(venue for venue in get_config(line.region).venues if venue.mic == line.venue)
    days = calendar(venue.calendar).window(120, END)
    texts = {"open": "10.5", "high": "12.25", "low": "10", "clos": "11.125", "tvol": "4000", "tamt": "44500"}
    rows = [{"xymd": day.strftime("%Y%m%d"), **texts} for day in days[::-1]]

    def page(one: Any) -> Any:
        head = {"rsym": f"D{one.params['EXCD']}{one.params['SYMB']}", "zdiv": "3", "nrec": "100"}
        return ok(output1=head, output2=[row for row in rows if row["xymd"] <= one.params["BYMD"]][:100])

    script.answers[DAILY] = page
    listing = {"ovrs_excg_cd": orders, "tr_crcy_cd": line.currency, "blbg_tckr_text": terminal, "lstg_dt": "20100104"}
    script.answers[INFO] = lambda one: ok(output={**listing, "ovrs_stck_tr_stop_dvsn_cd": "01", "lstg_yn": "Y"})

    adapter = opened(line.region)
    history = adapter.history(line, days[10], END)
    assert history.bars["date"].to_list() == days[10:]
    columns = ("region", "ticker", "open", "high", "low", "close", "volume", "amount", "currency", "basis")
    expected = (line.region, line.ticker, 10.5, 12.25, 10.0, 11.125, 4000, 44500.0, line.currency, "raw")
    assert set(history.bars.select(columns).rows()) == {expected}
    assert (history.pages, history.exhausted, history.refused.height) == (2, True, 0)
    assert {(one.params["EXCD"], one.params["SYMB"]) for one in script.of(DAILY)} == {(exchange, line.ticker)}

    assert adapter.listing(line) == Listing(line.ticker, dt.date(2010, 1, 4), None, False, "kis")
    assert script.of(INFO)[0].params == {"PRDT_TYPE_CD": product, "PDNO": line.ticker}


def test_another_names_listing_is_no_evidence_whatever_its_zeros(script: Any, opened: Open) -> None:
    other = {"ovrs_excg_cd": "SEHK", "tr_crcy_cd": "HKD", "blbg_tckr_text": "7000 HK", "lstg_yn": "Y"}
    script.answers[INFO] = lambda one: ok(output=other)
    with pytest.raises(Unavailable, match=r"about '7000 HK', asked was '00700'"):
        opened("HK").listing(Instrument("HK", "00700", "XHKG", "HKD"))


def test_a_line_in_a_currency_without_a_product_type_is_not_asked_for(script: Any, opened: Open) -> None:
    with pytest.raises(Unsupported, match="no listing for lines of SZS in HKD"):
        opened("CN").listing(Instrument("CN", "200002", "XSHE", "HKD"))
    assert script.asked == []


# indices --------------------------------------------------------------------------------------------------------------


def test_the_hang_seng_index_has_levels(script: Any, opened: Open) -> None:
    days = calendar("XHKG").window(3, END)
    level = {"ovrs_nmix_oprc": "18000.5", "ovrs_nmix_hgpr": "18100", "ovrs_nmix_lwpr": "17900", "ovrs_nmix_prpr": "18050.25"}
    rows = [{"stck_bsop_date": day.strftime("%Y%m%d"), **level, "acml_vol": "7"} for day in days[::-1]]
    script.answers[INDEX] = lambda one: ok(output1={"stck_shrn_iscd": one.params["FID_INPUT_ISCD"]}, output2=rows)
    found = opened("HK").index("HK", "HSI", days[0], END)
    assert found.bars.select("index_code", "date", "close", "currency").rows() == [
        ("HSI", day, 18050.25, "HKD") for day in days
    ]
    assert script.of(INDEX)[0].params["FID_INPUT_ISCD"] == "HK#HS"


@pytest.mark.parametrize(("region", "index"), [("CN", "CSI300"), ("JP", "TOPIX"), ("VN", "VNINDEX")])
def test_an_index_that_the_chart_does_not_have_is_the_next_providers(
    script: Any, opened: Open, region: str, index: str
) -> None:
    with pytest.raises(Unsupported, match=f"{region} and index {index}"):
        opened(region).index(region, index, END, END)
    assert script.asked == []


# the universe ---------------------------------------------------------------------------------------------------------


def put_lists(script: Any, **names: list[tuple[str, str, str]]) -> None:
    """Lists by venue: (symbol, currency, lot) of common stock."""
    for mic, lines in names.items():
        exchange = BY_VENUE[mic]
        text = ""
        for symbol, currency, lot in lines:
            code = ("XX", exchange.number, exchange.code, "시장", symbol, exchange.code + symbol, "이름", f"{symbol} CO", "2")
            rest = (currency, "3", "", "10.000", lot, lot, "930", "1500", "N", "", "000", "0", "1", "   ", "   ")
            text += "\t".join((*code, *rest)) + "\n"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(exchange.master.removesuffix(".zip").upper(), text.encode("cp949"))
        script.files[exchange.master] = packed.getvalue()


def put_values(script: Any, **names: list[tuple[str, str, str]]) -> None:
    """Search answers by exchange: (symbol, value in thousands, what `e_ordyn` says)."""

    def answer(one: Any) -> Any:
        exchange = one.params["EXCD"]
        rows = [
            {"rsym": f"D{exchange}{symbol}", "excd": exchange, "symb": symbol, "rank": str(at + 1), "last": "10"}
            | {"valx": value, "shar": str(int(value) * 100), "e_ordyn": mark}
            for at, (symbol, value, mark) in enumerate(names.get(exchange, []))
        ]
        return ok(output1={"trec": str(len(rows))}, output2=rows)

    script.answers[SEARCH] = answer


def worth(universe: Universe) -> dict[str, tuple[str, float | None, int | None]]:
    """Currency, value and shares by ticker."""
    found = universe.instruments.select("ticker", "currency", "value", "shares").rows()
    return {ticker: (currency, value, shares) for ticker, currency, value, shares in found}


def test_what_can_be_bought_in_shanghai_and_shenzhen_are_the_members(script: Any, opened: Open) -> None:
    put_lists(
        script,
        XSHG=[("600519", "CNY", "100"), ("600001", "CNY", "100"), ("688001", "CNY", "1")],
        XSHE=[("000001", "CNY", "100"), ("200002", "HKD", "100")],
    )
    put_values(
        script,
        SHS=[("600519", "2000000000", "○"), ("600001", "900000", ""), ("688001", "800000", "O")],
        SZS=[("000001", "220000000", "○"), ("200002", "9000000", " ")],
    )
    universe = opened("CN").universe("CN")
    assert (universe.members, universe.unvalued, universe.refused.height) == ({"600519", "688001", "000001"}, "", 0)
    assert worth(universe)["600519"] == ("CNY", 2e12, 200_000_000_000)
    assert worth(universe)["200002"] == ("HKD", 9e9, 900_000_000)
    # No floor: a member may be of any size.
    assert {one.params["EXCD"]: one.params["CO_ST_VALX"] for one in script.of(SEARCH)} == {"SHS": "0", "SZS": "0"}


@pytest.mark.parametrize(
    ("region", "floors"),
    [("HK", {"HKS": "1000000"}), ("JP", {"TSE": "60000000"}), ("VN", {"HSX": "500000000", "HNX": "500000000"})],
)
def test_the_other_regions_are_searched_from_their_floor_up_and_have_no_members(
    script: Any, opened: Open, region: str, floors: dict[str, str]
) -> None:
    config = get_config(region)
    names = dict(zip((venue.mic for venue in config.venues), config.watchlist, strict=False))
    put_lists(script, **{mic: [(ticker, config.currency, "100")] for mic, ticker in names.items()})
    put_values(script, **{BY_VENUE[mic].code: [(ticker, "7000000000", "○")] for mic, ticker in names.items()})
    universe = opened(region).universe(region)
    assert worth(universe) == {ticker: (config.currency, 7e12, 700_000_000_000) for ticker in names.values()}
    assert (universe.members, universe.unvalued) == (None, "")
    assert {one.params["EXCD"]: one.params["CO_ST_VALX"] for one in script.of(SEARCH)} == floors


def test_a_search_that_cant_run_costs_members_and_values_and_no_list(script: Any, opened: Open) -> None:
    put_lists(script, XSHG=[("600519", "CNY", "100")], XSHE=[("000001", "CNY", "100")])
    script.answers[SEARCH] = lambda one: (200, {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": "ERROR"})
    universe = opened("CN").universe("CN")
    assert (universe.members, "OPSQ2001" in universe.unvalued) == (None, True)
    assert universe.instruments.select(pl.col("ticker").sort(), "value").rows() == [("000001", None), ("600519", None)]
