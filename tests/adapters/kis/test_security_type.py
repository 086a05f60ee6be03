"""The tables of security types, read back: US stocks whose names mislead, and the rules of the other lists."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from adapters.kis import security_type as rules
from adapters.kis import type_rules
from adapters.kis.archive import unzip
from adapters.kis.exchanges import BY_VENUE
from adapters.kis.overseas_master import MASTERS
from adapters.kis.security_type import security_type
from pipeline.settings import get_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "kis_master"
TABLE = Path(rules.__file__).with_name("us_security_types.csv")


def table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_has_a_type_a_reason_a_month_and_a_source() -> None:
    rows = table()
    assert list(rows[0]) == ["symbol", "type", "reason", "as_of", "source"]
    assert [row["symbol"] for row in rows] == sorted({row["symbol"] for row in rows})
    assert {row["type"] for row in rows} == {"common", "reit"}
    assert all(re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", row["as_of"]) for row in rows)
    assert all(row["reason"].strip() and row["source"].strip() for row in rows)


@pytest.mark.parametrize("name", ["SOME NAME", "SOME PROPERTIES TRUST", "SOME FUND"])
def test_a_symbol_of_the_table_has_its_type_whatever_its_name_says(name: str) -> None:
    read = {row["symbol"]: security_type("XNYS", row["symbol"], "", name, "2", "000") for row in table()}
    assert read == {row["symbol"]: row["type"] for row in table()}


@pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")
def test_every_symbol_of_the_table_is_listed_under_a_name_that_misleads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the rules would have got right by themselves has no place there."""
    listed = {}
    for mic in ("XNAS", "XNYS", "XASE"):
        layout = MASTERS[mic]
        for line in unzip((REAL / layout.file).read_bytes(), layout.file).decode("cp949").splitlines():
            columns = line.split("\t")
            listed[columns[4].strip()] = (mic, *(columns[at].strip() for at in (4, 6, 7, 8, 22)))
    monkeypatch.setattr(rules, "_types", dict)

    for row in table():
        assert security_type(*listed[row["symbol"]]) != row["type"], row["symbol"]


def test_a_reit_that_is_not_in_the_table_is_followed_as_common_stock_is() -> None:
    assert {"common", "reit"} <= set(get_config("US").universe.security_types)


def test_every_rule_names_an_exchange_a_field_and_a_type_and_ends_with_one_for_all() -> None:
    with Path(type_rules.__file__).with_name("security_types.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["venue", "list_type", "field", "pattern", "type", "reason", "source"]
    assert {row["venue"] for row in rows} == BY_VENUE.keys() - {"XNAS", "XNYS", "XASE"}
    assert {row["field"] for row in rows} == {"symbol", "english", "type", "lot"}
    types = {"common", "preferred", "reit", "etf", "etn", "fund", "foreign", "depositary_receipt", "other"}
    assert {row["type"] for row in rows} == types
    assert all(row["source"].strip() and (row["reason"].strip() or row["type"] != "fund") for row in rows)
    for by_type in type_rules.rules().values():
        assert by_type.keys() == {"2", "3"}
        assert [one[-1].pattern.pattern for one in by_type.values()] == [".*", ".*"]


@pytest.mark.parametrize(
    ("venue", "symbol", "english", "stis", "etyp", "lot", "expected"),
    [
        ("XSHG", "600519", "KWEICHOW MOUTAI", "2", "", "100", "common"),
        ("XSHG", "689009", "NINEBOT", "2", "", "1", "depositary_receipt"),
        ("XSHG", "510300", "HUATAI CSI 300", "3", "001", "100", "etf"),
        ("XSHG", "501225", "SEMICONDUCTOR LOF", "3", "001", "100", "fund"),
        ("XSHG", "511620", "MONEY MARKET", "3", "004", "100", "fund"),
        ("XSHE", "161725", "LIQUOR LOF", "3", "001", "100", "fund"),
        ("XSHE", "180101", "INDUSTRIAL ZONE", "3", "001", "100", "reit"),
        # The words of US names mean nothing here.
        ("XHKG", "00247", "TST PROPERTIES", "2", "", "2000", "common"),
        ("XHKG", "01959", "CENT UNIT HLDG", "2", "", "2000", "common"),
        ("XHKG", "80700", "TENCENT-R", "2", "", "100", "common"),
        ("XHKG", "00823", "LINK REIT", "3", "004", "100", "reit"),
        ("XHKG", "02800", "TRACKER FUND", "3", "001", "500", "etf"),
        ("XHKG", "02904", "DAIDO GROUP-OLD", "2", "", "2000", "other"),
        ("XTKS", "7203", "TOYOTA MOTOR CORP", "2", "", "100", "common"),
        ("XTKS", "401A", "A HOTEL INVESTMENT CORPORATION", "2", "", "1", "reit"),
        ("XTKS", "25935", "ITO EN LTD. PREF.", "2", "", "100", "preferred"),
        ("XTKS", "1306", "TOPIX EXCHANGE TRADED FUND", "3", "000", "10", "etf"),
        ("XTKS", "2031", "NEXT NOTES HSI LEVERAGED ETN", "3", "000", "1", "etn"),
        ("XSTC", "FUEVFVND", "DRAGON CAPITAL", "3", "000", "100", "etf"),
        ("XSTC", "FUCVREIT", "TECHCOM VIETNAM REIT FUND", "3", "000", "100", "fund"),
        ("XHKG", "12345", "SOME WARRANT", "4", "", "5000", "warrant"),
        ("XHKG", "HSI", "SOME INDEX", "1", "", "", "other"),
        ("XHNX", "ABC", "SOMETHING NEW", "9", "", "100", "other"),
    ],
)
def test_symbols_and_the_lists_own_types_tell_in_asia(
    venue: str, symbol: str, english: str, stis: str, etyp: str, lot: str, expected: str
) -> None:
    assert security_type(venue, symbol, "이름", english, stis, etyp, lot) == expected
