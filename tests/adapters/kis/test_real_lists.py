"""The provider's real lists of CN, HK, JP and VN of October 2025: every line read, and what the lines are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from adapters.base import Universe
from adapters.kis.archive import unzip
from adapters.kis.overseas_master import MASTERS, read
from pipeline.settings import get_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "kis_master"
pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")

REGIONS = ("CN", "HK", "JP", "VN")


@pytest.fixture(scope="module")
def lists() -> dict[str, Universe]:
    """What the lists of each region make, read together as a night reads them."""
    made = {}
    for region in REGIONS:
        config = get_config(region)
        contents = {venue.mic: unzip((REAL / MASTERS[venue.mic].file).read_bytes(), "") for venue in config.venues}
        made[region] = read(contents, region, config.currency, "kis")
    return made


COUNTS = {
    "CN": {
        ("XSHG", "common", "CNY"): 2218,
        ("XSHG", "etf", "CNY"): 741,
        ("XSHG", "fund", "CNY"): 8,
        ("XSHG", "reit", "CNY"): 1,
        ("XSHE", "common", "CNY"): 2869,
        # KIS calls the currency of two delisted A shares so; no list of it has a B share.
        ("XSHE", "common", "HKD"): 2,
        ("XSHE", "etf", "CNY"): 530,
        ("XSHE", "etf", "HKD"): 1,
        ("XSHE", "fund", "CNY"): 218,
        ("XSHE", "fund", "HKD"): 3,
        ("XSHE", "reit", "CNY"): 22,
    },
    "HK": {
        ("XHKG", "common", "HKD"): 2665,
        ("XHKG", "common", "CNY"): 25,
        ("XHKG", "common", "USD"): 1,
        ("XHKG", "reit", "HKD"): 10,
        ("XHKG", "reit", "CNY"): 1,
        ("XHKG", "etf", "HKD"): 223,
        ("XHKG", "etf", "CNY"): 50,
        ("XHKG", "etf", "USD"): 91,
        ("XHKG", "fund", "HKD"): 2,
        ("XHKG", "foreign", "HKD"): 6,
        ("XHKG", "depositary_receipt", "HKD"): 1,
        ("XHKG", "preferred", "USD"): 2,
        ("XHKG", "other", "HKD"): 21,
    },
    "JP": {
        ("XTKS", "common", "JPY"): 3970,
        ("XTKS", "reit", "JPY"): 58,
        ("XTKS", "fund", "JPY"): 5,
        ("XTKS", "preferred", "JPY"): 6,
        ("XTKS", "etf", "JPY"): 374,
        ("XTKS", "etn", "JPY"): 30,
    },
    "VN": {
        ("XSTC", "common", "VND"): 392,
        ("XSTC", "etf", "VND"): 18,
        ("XHNX", "common", "VND"): 304,
    },
}


@pytest.mark.parametrize("region", REGIONS)
def test_every_line_is_read_as_what_it_is(lists: dict[str, Universe], region: str) -> None:
    found = lists[region]
    assert found.refused.height == 0
    assert Counter(found.instruments.select("venue", "security_type", "currency").rows()) == COUNTS[region]


@pytest.mark.parametrize("region", REGIONS)
def test_banks_and_watchlist_are_listed_as_the_rule_wants_them(lists: dict[str, Universe], region: str) -> None:
    config = get_config(region)
    wanted = {*config.banks, *config.watchlist}
    found = lists[region].instruments.filter(pl.col("ticker").is_in(sorted(wanted)))
    assert set(found["ticker"]) == wanted
    assert set(found.select("security_type", "currency").rows()) == {("common", config.currency)}


def test_a_line_keeps_names_lot_and_sector(lists: dict[str, Universe]) -> None:
    listed = pl.concat(found.instruments for found in lists.values())
    columns = ("region", "ticker", "venue", "name", "local_name", "currency", "lot", "sector_code")
    wanted = ("600519", "688981", "000001", "00700", "80700", "7203", "285A", "FPT", "SHS")
    found = listed.filter(pl.col("ticker").is_in(wanted)).select(columns).rows()
    assert [(region, ticker, venue, currency, lot) for region, ticker, venue, _, _, currency, lot, _ in found] == [
        ("CN", "600519", "XSHG", "CNY", 100),
        ("CN", "688981", "XSHG", "CNY", 1),
        ("CN", "000001", "XSHE", "CNY", 100),
        ("HK", "00700", "XHKG", "HKD", 100),
        ("HK", "80700", "XHKG", "CNY", 100),
        ("JP", "285A", "XTKS", "JPY", 100),
        ("JP", "7203", "XTKS", "JPY", 100),
        ("VN", "FPT", "XSTC", "VND", 100),
        ("VN", "SHS", "XHNX", "VND", 100),
    ]
    names = {ticker: (name, local, sector) for _, ticker, _, name, local, _, _, sector in found}
    assert names["000001"] == ("PING AN BANK CO LTD", "평안은행", "610")
    assert names["80700"] == ("TENCENT-R", "텐센트(RMB)", None)


def test_a_counter_in_renminbi_is_its_company_under_the_same_last_four_digits(lists: dict[str, Universe]) -> None:
    """Its line in HKD has 0 for its 8, and the same Korean name."""
    names = dict(lists["HK"].instruments.select("ticker", "local_name").rows())
    stocks = lists["HK"].instruments.filter((pl.col("currency") == "CNY") & (pl.col("security_type") == "common"))
    assert stocks.height == 25
    assert {ticker: name.removesuffix("(RMB)") for ticker, name in stocks.select("ticker", "local_name").rows()} == {
        ticker: names["0" + ticker[1:]] for ticker in stocks["ticker"]
    }


def test_no_code_is_listed_on_two_exchanges_of_a_region(lists: dict[str, Universe]) -> None:
    assert [region for region, found in lists.items() if found.instruments["ticker"].is_duplicated().any()] == []
