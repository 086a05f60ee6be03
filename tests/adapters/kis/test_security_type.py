"""The table of US stocks whose names mislead, read back."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from adapters.kis import security_type as rules
from adapters.kis.archive import unzip
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
    for mic, layout in MASTERS.items():
        for line in unzip((REAL / layout.file).read_bytes(), layout.file).decode("cp949").splitlines():
            columns = line.split("\t")
            listed[columns[4].strip()] = (mic, *(columns[at].strip() for at in (4, 6, 7, 8, 22)))
    monkeypatch.setattr(rules, "_types", dict)

    for row in table():
        assert security_type(*listed[row["symbol"]]) != row["type"], row["symbol"]


def test_a_reit_that_is_not_in_the_table_is_followed_as_common_stock_is() -> None:
    assert {"common", "reit"} <= set(get_config("US").universe.security_types)
