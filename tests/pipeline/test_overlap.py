"""Which stored bars are asked for again before a ticker's first missing session."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from pipeline.statements import statement

DAYS = [dt.date(2026, 11, day) for day in range(2, 14)]


@pytest.mark.parametrize(
    ("providers", "start"),
    [
        (["kis"] * 12, DAYS[7]),
        (["kis"] * 10 + ["yfinance"] * 2, DAYS[5]),
        (["kis"] * 8 + ["yfinance"] * 2 + ["kis"] * 2, DAYS[7]),
        (["yfinance"] * 12, DAYS[7]),
        (["yfinance"] * 10 + ["kis"] * 2, DAYS[7]),
        (["kis"] * 2 + ["yfinance"] * 10, DAYS[0]),
    ],
    ids=["own", "away for two", "back again", "never here", "first time", "away for long"],
)
def test_bars_of_a_stand_in_are_asked_for_once_the_provider_answers_again(providers: list[str], start: dt.date) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE ohlcv_data (region VARCHAR, ticker VARCHAR, date DATE, provider VARCHAR)")
        bars = [{"day": day, "provider": provider} for day, provider in zip(DAYS, providers, strict=True)]
        for bar in bars:
            connection.execute("INSERT INTO ohlcv_data VALUES ('KR', '005930', $day, $provider)", bar)
        connection.execute("CREATE TABLE wanted AS SELECT '005930' AS ticker, DATE '2026-11-16' AS first_missing")
        span = {"region": "KR", "provider": "kis", "bars": 5, "oldest": DAYS[0], "newest": dt.date(2026, 11, 16)}
        assert connection.execute(statement("store/overlap_starts"), span).fetchall() == [("005930", start)]
