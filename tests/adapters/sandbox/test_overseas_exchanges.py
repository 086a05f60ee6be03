"""The exchanges of China, Hong Kong, Japan and Vietnam on the KIS wire: what differs between them, and their own clocks."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.sandbox import control
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.market import Name
from adapters.sandbox.regions import split
from adapters.sandbox.server import Sandbox
from pipeline.calendars import calendar

from .conftest import NOW, Client
from .overseas import Overseas

Markets = dict[str, GeneratedMarket]
REGIONS = ("CN", "HK", "JP", "VN")
TICKERS = 200


class Place(NamedTuple):
    """An exchange as the wire should tell of it; `decimals` of its prices, `country` and `orders` of its listings."""

    exchange: str
    region: str
    venue: str
    decimals: int
    product: str
    country: str
    orders: str
    currency: str


EXCHANGES = [
    Place("HKS", "HK", "XHKG", 3, "501", "344", "SEHK", "HKD"),
    Place("SHS", "CN", "XSHG", 3, "551", "156", "SHAA", "CNY"),
    Place("SZS", "CN", "XSHE", 3, "552", "156", "SZAA", "CNY"),
    Place("TSE", "JP", "XTKS", 1, "515", "392", "TKSE", "JPY"),
    Place("HSX", "VN", "XSTC", 0, "508", "704", "VNSE", "VND"),
    Place("HNX", "VN", "XHNX", 0, "507", "704", "HASE", "VND"),
]
by_exchange = pytest.mark.parametrize("place", EXCHANGES, ids=[place.exchange for place in EXCHANGES])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Four regions in the evening of a session: all of them have closed."""
    with Sandbox(now=NOW, regions=REGIONS, tickers=TICKERS, enforce_limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def asia(sandbox: Sandbox) -> Iterator[Overseas]:
    """A client of `sandbox`."""
    client = Client(sandbox.url)
    yield Overseas(client)
    client.connection.close()


@pytest.fixture(scope="module")
def markets() -> Markets:
    """The markets behind the wire."""
    return {region: GeneratedMarket(region=region, seed=1, tickers=part) for region, part in split(TICKERS, REGIONS).items()}


def names(markets: Markets, region: str, venue: str, currency: str = "") -> list[Name]:
    """The stocks of a venue that traded in the newest session, the oldest listings first."""
    market = markets[region]
    today = NOW.date()
    there = (name for name in market.names(NOW) if (name.venue, name.currency) == (venue, currency) and name.group == "2")
    traded = (name for name in there if any(bar.volume for bar in market.bars(name.code, today, today, NOW)))
    return sorted(traded, key=lambda name: (name.listed, name.code))


def master(asia: Overseas, exchange: str) -> dict[str, list[str]]:
    """The lines of an exchange's list by symbol."""
    _, _, body = asia.client.raw("GET", f"/common/master/{exchange.lower()}mst.cod.zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == [f"{exchange}MST.COD"]
        text = archive.read(f"{exchange}MST.COD").decode("cp949")
    return {row[4]: row for row in csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)}


@by_exchange
def test_every_call_tells_the_same_of_a_name(asia: Overseas, markets: Markets, place: Place) -> None:
    exchange, region, venue, decimals, product, country, orders, currency = place
    name = names(markets, region, venue)[0]
    market, code = markets[region], name.code
    chart, info = asia.daily(code, exchange), asia.info(product, code)["output"]
    quote = asia.ask("HHDFS00000300", "overseas-price/v1/quotations/price", AUTH="", EXCD=exchange, SYMB=code)["output"]
    bar, newest = market.bars(code, date.min, date.max, NOW, 1)[0], chart["output2"][0]
    printed = [f"{price / market.scale:.{decimals}f}" for price in (bar.open, bar.high, bar.low, bar.close)]
    last = {"CO_YN_PRICECUR": "1", "CO_ST_PRICECUR": printed[3], "CO_EN_PRICECUR": printed[3]}
    (found,) = [row for row in asia.search(exchange, **last)["output2"] if row["symb"] == code]
    line = master(asia, exchange)[code]
    assert chart["output1"] == {"rsym": f"D{exchange}{code}", "zdiv": str(decimals), "nrec": "100"}
    assert [row["xymd"] for row in chart["output2"]] == [
        f"{day:%Y%m%d}" for day in calendar(venue).window(100, NOW.date())[::-1]
    ]
    assert [Decimal(price) * market.scale for price in printed] == [bar.open, bar.high, bar.low, bar.close]
    assert [newest[field] for field in ("open", "high", "low", "clos")] == printed
    assert [found[field] for field in ("popen", "phigh", "plow", "last")] == printed
    assert (quote["last"], quote["zdiv"], found["tvol"]) == (printed[3], str(decimals), newest["tvol"])
    assert line[:12] == [
        *(region, line[1], exchange, line[3], code, exchange + code, line[6], line[7], "2", currency, str(decimals), ""),
    ]
    assert (line[12], line[13]) == (printed[3], str(name.lot))
    fields = ("natn_cd", "ovrs_excg_cd", "tr_crcy_cd", "buy_unit_qty", "lstg_yn")
    assert [info[field] for field in fields] == [country, orders, currency, str(name.lot), "Y"]
    assert info["blbg_tckr_text"].split()[0] == code.lstrip("0" if region == "HK" else "")
    assert asia.info("512", code)["rt_cd"] == "7"


@by_exchange
def test_the_search_of_an_exchange_finds_its_own_names_by_value(asia: Overseas, markets: Markets, place: Place) -> None:
    exchange, venue, decimals = place.exchange, place.venue, place.decimals
    body = asia.search(exchange)
    pages, rows = [body], list(body["output2"])
    while asia.cont in ("F", "M"):
        pages.append(asia.search(exchange, "N", KEYB=rows[-1]["rank"]))
        rows += pages[-1]["output2"]
    market, today = markets[place.region], NOW.date()
    traded = [
        name.code
        for name in market.names(NOW)
        if name.venue == venue and any(bar.volume for bar in market.bars(name.code, today, today, NOW))
    ]
    assert {page["output1"]["trec"] for page in pages} == {str(len(rows))}
    assert sorted(row["symb"] for row in rows) == sorted(traded)
    values = [int(row["valx"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert all(int(row["valx"]) == Decimal(row["last"]) * int(row["shar"]) // 1000 for row in rows)
    assert body["output1"]["zdiv"] == str(decimals)


def test_a_counter_in_another_currency_is_a_line_of_its_own(asia: Overseas, markets: Markets) -> None:
    lines = master(asia, "HKS")
    for currency, product in (("CNY", "543"), ("USD", "558")):
        name = names(markets, "HK", "XHKG", currency)[0]
        answers = {kind: asia.info(kind, name.code) for kind in ("501", "543", "558")}
        assert {kind: body["rt_cd"] for kind, body in answers.items()} == {
            kind: "0" if kind == product else "7" for kind in answers
        }
        assert answers[product]["output"]["tr_crcy_cd"] == lines[name.code][9] == currency
        assert asia.daily(name.code, "HKS")["output1"]["rsym"] == f"DHKS{name.code}"


def test_the_ledger_does_not_know_chinas_shares_in_foreign_currency(asia: Overseas, markets: Markets) -> None:
    foreign = [name for name in markets["CN"].names(NOW) if name.currency]
    kinds = {"XSHG": "551", "XSHE": "552"}
    assert foreign
    assert {asia.info(kinds[name.venue], name.code)["rt_cd"] for name in foreign[:3]} == {"7"}


def test_of_china_only_the_names_of_stock_connect_can_be_traded(asia: Overseas, markets: Markets) -> None:
    market = markets["CN"]
    rows = [row for exchange in ("SHS", "SZS") for row in asia.search(exchange)["output2"]]
    listed = {row["symb"]: market.find(row["symb"]) for row in rows}
    large = {
        row["symb"]
        for row in rows
        if (name := listed[row["symb"]]) and (name.group, name.currency) == ("2", "") and int(row["valx"]) >= 2_000_000
    }
    assert {row["symb"] for row in rows if row["e_ordyn"] == "○"} == large
    assert {row["e_ordyn"] for row in rows if row["symb"] not in large} == {""}
    assert {row["e_ordyn"] for row in asia.search("HKS")["output2"]} == {"○"}


def test_each_exchange_opens_by_its_own_clock(sandbox: Sandbox, asia: Overseas, markets: Markets) -> None:
    codes = {place.exchange: names(markets, place.region, place.venue)[0].code for place in EXCHANGES}

    def newest(hour: int, minute: int) -> dict[str, str]:
        control.set_clock(sandbox.url, datetime(2026, 11, 20, hour, minute, tzinfo=UTC))
        return {exchange: asia.daily(code, exchange)["output2"][0]["xymd"][6:] for exchange, code in codes.items()}

    try:
        seen = [newest(0, 5), newest(1, 35), newest(2, 20)]
    finally:
        control.set_clock(sandbox.url, NOW)
    assert seen == [
        {"HKS": "19", "SHS": "19", "SZS": "19", "TSE": "20", "HSX": "19", "HNX": "19"},
        {"HKS": "20", "SHS": "20", "SZS": "20", "TSE": "20", "HSX": "19", "HNX": "19"},
        dict.fromkeys(codes, "20"),
    ]


def test_the_indices_of_kis_are_served_and_those_it_lacks_are_not(asia: Overseas, markets: Markets) -> None:
    found = {code: asia.index(code)["output2"] for code in ("HK#HS", "JP#NI225", "SHANG", "CSI300", "TOPIX", "VNINDEX", "SPX")}
    assert {code: len(rows) for code, rows in found.items()} == {
        **dict.fromkeys(("HK#HS", "JP#NI225", "SHANG"), 100),
        **dict.fromkeys(("CSI300", "TOPIX", "VNINDEX", "SPX"), 0),
    }
    levels = markets["HK"].levels("HSI", date.min, date.max, NOW, 100)
    assert [(row["stck_bsop_date"], row["ovrs_nmix_prpr"]) for row in found["HK#HS"]] == [
        (f"{level.date:%Y%m%d}", f"{level.close / 100:.2f}") for level in levels
    ]


def test_the_newest_session_of_one_exchange_can_be_missing(sandbox: Sandbox, asia: Overseas, markets: Markets) -> None:
    code = names(markets, "JP", "XTKS")[0].code
    control.set_fault(sandbox.url, kind="stale", tr="HHDFS76240000", code=code)
    assert [asia.daily(code, "TSE")["output2"][0]["xymd"] for _ in range(2)] == ["20261119", "20261120"]


def test_another_ticker_of_the_answer_is_one_of_the_same_exchange(sandbox: Sandbox, asia: Overseas, markets: Markets) -> None:
    code = names(markets, "CN", "XSHE")[0].code
    control.set_fault(sandbox.url, kind="wrong_ticker", tr="HHDFS76240000", code=code)
    rsym = asia.daily(code, "SZS")["output1"]["rsym"]
    assert rsym.startswith("DSZS")
    assert rsym != f"DSZS{code}"


def test_replayed_rows_come_back_at_wire_precision(start: Callable[..., Sandbox], tmp_path: Path) -> None:
    rows = {
        ("CN", "600519", "SHS"): ("1430.010", "1439.990", "1425.000", "1437.505"),
        ("HK", "00700", "HKS"): ("610.500", "615.123", "608.000", "612.001"),
        ("JP", "285A", "TSE"): ("2954.5", "2960.0", "2950.1", "2955.0"),
        ("VN", "VCB", "HSX"): ("62900", "63000", "62500", "62950"),
    }
    for (region, ticker, _), prices in rows.items():
        (tmp_path / region).mkdir()
        text = f"date,open,high,low,close,volume\n2026-11-20,{','.join(prices)},1000\n"
        (tmp_path / region / f"{ticker}.csv").write_text(text, encoding="utf-8")
    client = Client(start(data=tmp_path, regions=REGIONS, enforce_limits=False).url)
    asia = Overseas(client)
    found = {place: asia.daily(place[1], place[2])["output2"][0] for place in rows}
    client.connection.close()
    assert {place: tuple(row[field] for field in ("open", "high", "low", "clos")) for place, row in found.items()} == rows


def test_regions_that_kis_has_not_are_no_part_of_its_wire(start: Callable[..., Sandbox]) -> None:
    client = Client(start(regions=("AU", "UK", "EU", "JP"), enforce_limits=False).url)
    asia = Overseas(client)
    market = GeneratedMarket(region="JP", seed=1, tickers=6)
    served = [asia.daily(name.code, "TSE")["output1"]["nrec"] for name in market.names(NOW)[:1]]
    unknown = [asia.daily("BHP", exchange)["output1"]["rsym"] for exchange in ("ASX", "LSE", "TSE")]
    client.connection.close()
    assert (served, unknown) == (["100"], ["", "", ""])
