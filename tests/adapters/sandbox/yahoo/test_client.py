"""The real yfinance against the sandbox: it gets the market's own numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("client.py")
START, UNTIL = date(2026, 6, 1), date(2026, 7, 3)


@pytest.fixture(scope="module")
def told(everywhere: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the library made of everything it asked for."""
    home = str(tmp_path_factory.mktemp("yfinance"))
    command = [sys.executable, "-W", "ignore", str(PROGRAM), everywhere.url]
    environment = {"HOME": home, "XDG_CACHE_HOME": home, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def history(yahoo: Any, region: str, code: str, flat: bool) -> list[list[Any]]:
    """The rows yfinance must come to: date, OHLC, volume, dividend and split; a session of nulls is left out."""
    made = yahoo.market(region)
    steps = {step.ex_date: step.ratio for step in made.steps(code, yahoo.now)}
    dividends = {dividend.ex_date: float(dividend.amount) for dividend in made.dividends(code, yahoo.now)}
    rows = []
    for bar in yahoo.bars(region, code, START, UNTIL):
        ratio = 1.0
        for ex, step in steps.items():
            ratio *= step if ex > bar.date else 1.0
        close = yahoo.single(bar.close / made.scale / ratio)
        prices = [yahoo.single(price / made.scale / ratio) for price in (bar.open, bar.high, bar.low)]
        if not bar.open and not flat:
            continue
        paid = round(dividends.get(bar.date, 0.0) / ratio, 6)
        told = prices if bar.open else [close] * 3
        rows.append([str(bar.date), *told, close, round(bar.volume * ratio), paid, steps.get(bar.date, 0.0)])
    return rows


@pytest.mark.parametrize(
    ("symbol", "region", "code", "flat"),
    [("HLVN", "US", "HLVN", False), ("3777.T", "JP", "3777", False), ("QBH.L", "UK", "QBH", True)],
)
def test_a_history_has_the_markets_rows_and_events(
    told: dict[str, Any], yahoo: Any, symbol: str, region: str, code: str, flat: bool
) -> None:
    assert told[symbol] == history(yahoo, region, code, flat) != []


def test_a_batch_has_every_symbol_and_nothing_of_an_unknown_one(told: dict[str, Any], yahoo: Any) -> None:
    batch = told["download"]
    for symbol, region, code in (("AZN.L", "UK", "AZN"), ("BRK-B", "US", "BRK/B"), ("0700.HK", "HK", "00700")):
        closes = [[row[0], row[4]] for row in history(yahoo, region, code, True)]
        assert [row for row in batch[symbol] if row[1] is not None] == closes
    assert {row[1] for row in batch["NOPE"]} == {None}


def test_a_screen_has_the_second_lines_too(told: dict[str, Any]) -> None:
    total, quotes = told["screen"]
    assert len(quotes) == total
    assert {exchange for _, exchange in quotes} == {"LSE", "CXE"}
    assert ["LLOY.L", "LSE"] in quotes


def test_what_is_told_of_one_symbol(told: dict[str, Any], yahoo: Any) -> None:
    made = yahoo.market("UK")
    newest, name = made.bars("LLOY", date.min, date.max, yahoo.now, 1)[0], made.find("LLOY")
    price, *rest = told["fast"]
    assert yahoo.single(price) == yahoo.single(newest.close / made.scale)
    assert rest == ["GBp", "LSE", "Europe/London", name.shares]
    value = pytest.approx(name.shares * newest.close / made.scale / 100, rel=1e-6)
    assert told["info"] == ["LLOY.L", "EQUITY", value, "GBp"]


def test_an_unknown_symbol_has_nothing(told: dict[str, Any]) -> None:
    assert told["gone"] == [0, None]
