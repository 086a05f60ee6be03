"""Each rule on both sides of its bound; every row that came is stored, explained, refused or a repeat, once."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import ACTIONS, BARS, REFUSED
from pipeline import quality
from pipeline.quality import LISTED, SESSIONS, Checked
from pipeline.store import QUARANTINE, SESSION_STATES, STORED_ACTIONS, STORED_BARS, Batch, Store, commit_batch

REAL_WINDOWS = Path(__file__).resolve().parents[3] / "shared" / "data" / "whole_market" / "KR_2023_2024_windows.parquet"

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
RUN = "night"
DAYS = tuple(dt.date(2026, 11, number) for number in (16, 17, 19, 20))  # the 18th is a holiday here
HOLIDAY = dt.date(2026, 11, 18)


def final_at(date: dt.date) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(11, 5), tzinfo=dt.UTC)


LISTINGS = pl.DataFrame(
    {"ticker": ["005930", "000660"], "venue": ["XKRX", "XKRX"], "listing_currency": ["KRW", "KRW"]}, schema=LISTED
)
CALENDAR = pl.DataFrame(
    {
        "venue": ["XKRX"] * 4,
        "date": DAYS,
        "known_at": [final_at(date) for date in DAYS],
        "finality": ["final", "final", "final", "provisional"],
    },
    schema=SESSIONS,
)


def row(**values: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "region": "KR",
        "ticker": "005930",
        "date": DAYS[0],
        "open": 100.0,
        "high": 110.0,
        "low": 90.0,
        "close": 105.0,
        "volume": 1_000,
        "amount": 105_000.0,
        "currency": "KRW",
        "provider": "kis",
        "basis": "raw",
        "adjusted_through": None,
    }
    return {**fields, **values}


def given_up(**values: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "region": "KR",
        "ticker": "005930",
        "date": DAYS[0],
        "rule": "unreadable",
        "reason": "close is 'abc'",
        "raw": '{"stck_clpr": "abc"}',
        "provider": "kis",
    }
    return {**fields, **values}


def check(
    *rows: dict[str, Any],
    refused: list[dict[str, Any]] | None = None,
    listed: pl.DataFrame = LISTINGS,
    sessions: pl.DataFrame = CALENDAR,
    beside: pl.DataFrame | None = None,
) -> Checked:
    return quality.check(
        pl.DataFrame(list(rows), schema=BARS),
        pl.DataFrame(refused or [], schema=REFUSED),
        region="KR",
        run_id=RUN,
        now=NOW,
        listed=listed,
        sessions=sessions,
        beside=beside,
    )


def outcome(checked: Checked) -> str:
    """What became of a single row."""
    if checked.bars.height:
        return "stored"
    if checked.explained.height:
        return str(checked.explained["state"].item())
    return str(checked.quarantine["rule"].item())


def commit(checked: Checked, home: Path) -> Store:
    store = Store(home)
    batch = Batch(
        batch_id="one",
        run_id=RUN,
        region="KR",
        origin="sandbox",
        committed_at=NOW,
        bars=checked.bars,
        explained=checked.explained,
        inferred=checked.open_cells,
        quarantine=checked.quarantine,
        repeated=checked.repeated,
    )
    with store.write("test") as connection:
        commit_batch(connection, batch)
    return store


def test_a_sound_row_is_a_final_bar_of_its_session() -> None:
    checked = check(row())
    assert checked.bars.schema == STORED_BARS
    assert checked.bars.to_dicts() == [
        {**row(), "timeframe": "D", "finality": "final", "known_at": final_at(DAYS[0]), "run_id": RUN}
    ]
    assert (checked.explained.height, checked.quarantine.height, checked.open_cells.height, checked.repeated) == (0, 0, 0, 0)


def test_a_session_that_is_not_final_yet_gives_a_provisional_bar() -> None:
    assert check(row(date=DAYS[3])).bars["finality"].to_list() == ["provisional"]


def test_nothing_received_is_nothing_checked() -> None:
    checked = check()
    assert checked.bars.schema == STORED_BARS
    assert checked.explained.schema == checked.open_cells.schema == SESSION_STATES
    assert checked.quarantine.schema == QUARANTINE
    assert checked.repeated == 0


# ---- one rule at a time ----

BELOW = 110.0 * (1 - 1e-5)
UNITS = [
    *((10, "10 times"), (100, "100 times"), (1_000, "1000 times")),
    *((0.1, "1/10 of"), (0.01, "1/100 of"), (0.001, "1/1000 of")),
]
OUTCOMES: list[tuple[str, dict[str, Any], str]] = [
    ("another region", {"region": "US"}, "wrong_region"),
    ("a ticker nobody asked for", {"ticker": "035720"}, "unknown_ticker"),
    ("another currency", {"currency": "USD"}, "wrong_currency"),
    ("the day after the newest session", {"date": dt.date(2026, 11, 21)}, "future_bar"),
    ("the newest session", {"date": DAYS[3]}, "stored"),
    ("a holiday", {"date": HOLIDAY}, "closed_day"),
    ("before the first session", {"date": dt.date(2026, 11, 15)}, "closed_day"),
    *((f"no {name}", {name: None}, "missing_field") for name in ("open", "high", "low", "close", "volume")),
    ("no amount", {"amount": None}, "stored"),
    *((f"{name} is NaN", {name: math.nan}, "not_finite") for name in ("open", "high", "low", "close")),
    ("high is infinite", {"high": math.inf}, "not_finite"),
    ("volume -1", {"volume": -1}, "negative_volume"),
    ("volume 0 with a range", {"volume": 0}, "stored"),
    ("zero open, high and low, no volume", {"open": 0.0, "high": 0.0, "low": 0.0, "volume": 0}, "halted"),
    ("zero open, high and low with volume", {"open": 0.0, "high": 0.0, "low": 0.0, "volume": 1}, "zero_price_with_volume"),
    ("zero everything", {"open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0, "volume": 0}, "non_positive_price"),
    ("zero open", {"open": 0.0}, "non_positive_price"),
    ("zero close", {"close": 0.0}, "non_positive_price"),
    ("low below zero", {"low": -1.0}, "non_positive_price"),
    ("flat, no volume", {"open": 105.0, "high": 105.0, "low": 105.0, "volume": 0}, "no_trade"),
    ("flat with volume", {"open": 105.0, "high": 105.0, "low": 105.0, "volume": 1, "amount": 105.0}, "stored"),
    ("high at the close", {"high": 105.0}, "stored"),
    ("high below the close", {"high": 104.0}, "ohlc_order"),
    ("high below the open", {"open": 111.0}, "ohlc_order"),
    ("low above the open", {"low": 101.0}, "ohlc_order"),
    ("low above the close", {"open": 109.0, "low": 106.0}, "ohlc_order"),
    ("high below low", {"high": 89.0}, "ohlc_order"),
    ("high just inside the tolerance", {"close": 110.0, "high": BELOW}, "stored"),
    ("high just outside the tolerance", {"close": 110.0, "high": BELOW - 1e-9}, "ohlc_order"),
    ("low just inside the tolerance", {"low": 100.0 * (1 + 1e-5)}, "stored"),
    ("low just outside the tolerance", {"low": 100.0 * (1 + 1e-5) + 1e-9}, "ohlc_order"),
    ("very small prices", {"open": 1e-4, "high": 2e-4, "low": 1e-4, "close": 2e-4, "amount": 0.15}, "stored"),
    *((f"prices of {words} the value per share", {"amount": 105_000.0 / times}, "unit_error") for times, words in UNITS),
    ("a value per share of a 7th, no other unit", {"amount": 15_000.0}, "stored"),
    ("a value per share of a 10,000th", {"amount": 10.5}, "stored"),
    ("a hundredth just below the low's tolerance", {"amount": 895.4}, "stored"),
    ("a hundredth just inside the low's tolerance", {"amount": 895.6}, "unit_error"),
    ("a hundredth just inside the high's tolerance", {"amount": 1_105.4}, "unit_error"),
    ("a hundredth just above the high's tolerance", {"amount": 1_105.6}, "stored"),
    ("a range that holds the value per share and ten times it", {"low": 10.0, "amount": 10_500.0}, "stored"),
    ("other unit, nothing paid", {"amount": 0.0}, "stored"),
    ("other unit, adjusted prices", {"amount": 1_050.0, "basis": "split_adjusted"}, "stored"),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in OUTCOMES], ids=[case[0] for case in OUTCOMES])
def test_a_row_comes_out_as(values: dict[str, Any], expected: str) -> None:
    checked = check(row(**values))
    assert outcome(checked) == expected
    assert checked.bars.height + checked.explained.height + checked.quarantine.height == 1


def test_every_rule_has_a_case_here() -> None:
    rules = {name for name, _, _ in quality.rules("KR")}
    assert rules == ({expected for _, _, expected in OUTCOMES} - {"stored", "halted", "no_trade"}) | {
        "conflicting_rows",
        "repeated_row",
    }


def test_a_refused_row_is_kept_as_it_came_with_its_reason() -> None:
    bad = row(high=104.0)
    checked = check(bad)
    (kept,) = checked.quarantine.to_dicts()
    assert kept["reason"] == "open 100.0 high 104.0 low 90.0 close 105.0: not low ≤ open, close ≤ high"
    assert json.loads(kept["raw"]) == {**bad, "date": "2026-11-16"}
    assert (kept["region"], kept["ticker"], kept["date"], kept["known_at"], kept["run_id"]) == (
        "KR",
        "005930",
        DAYS[0],
        NOW,
        RUN,
    )


@pytest.mark.parametrize(
    "values", [{"region": "US"}, {"ticker": "035720"}, {"date": dt.date(2026, 11, 21)}, {"date": HOLIDAY}, {"close": math.nan}]
)
def test_every_reason_says_something(values: dict[str, Any]) -> None:
    (kept,) = check(row(**values)).quarantine.to_dicts()
    assert len(kept["reason"]) > 5


def test_a_row_that_is_not_finite_is_kept_as_json_others_can_read() -> None:
    def strict(text: str) -> float:
        raise AssertionError(f"{text} is no JSON")

    (kept,) = check(row(close=math.nan)).quarantine.to_dicts()
    json.loads(kept["raw"], parse_constant=strict)


@pytest.mark.parametrize(("times", "words"), UNITS)
def test_the_reason_of_another_unit_names_it_and_the_figures(times: float, words: str) -> None:
    (kept,) = check(row(amount=105_000.0 / times)).quarantine.to_dicts()
    assert kept["reason"].startswith(f"prices are about {words} the traded value per share (low 90.0 high 110.0, amount ")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([{"amount": 1_050.0}, {"date": DAYS[2], "amount": 1_051.0}], [DAYS[0], DAYS[1], DAYS[2]]),
        ([{"amount": 1_050.0}, {"date": DAYS[2], "open": 101.0}], [DAYS[0]]),
        ([{"amount": 1_050.0, "ticker": "000660"}], [DAYS[0]]),
        ([{}], []),
    ],
)
@pytest.mark.parametrize("flat", [0.0, 105.0])
def test_an_untraded_row_is_of_the_unit_of_the_traded_ones_beside_it(
    flat: float, others: list[dict[str, Any]], expected: list[dt.date]
) -> None:
    untraded = row(date=DAYS[1], open=flat, high=flat, low=flat, volume=0, amount=0.0)
    checked = check(*(row(**values) for values in others), untraded)
    assert checked.quarantine.sort("date").select("date", "rule").rows() == [(day, "unit_error") for day in expected]


def test_an_untraded_row_says_why_and_keeps_the_close() -> None:
    checked = check(row(open=0.0, high=0.0, low=0.0, volume=0), row(date=DAYS[1], open=105.0, high=105.0, low=105.0, volume=0))
    assert checked.explained.schema == SESSION_STATES
    columns = ("date", "state", "reason", "close", "asked", "provider", "known_at", "run_id")
    assert checked.explained.select(columns).rows() == [
        (DAYS[0], "halted", "zero open, high and low beside a close", 105.0, 1, "kis", final_at(DAYS[0]), RUN),
        (DAYS[1], "no_trade", "flat price without volume", 105.0, 1, "kis", final_at(DAYS[1]), RUN),
    ]


def test_exact_repeats_count_once() -> None:
    checked = check(row(), row(), row(), row(date=DAYS[1], open=101.0))
    assert (checked.bars.height, checked.quarantine.height, checked.repeated) == (2, 0, 2)


def test_repeats_of_a_refused_row_count_once() -> None:
    checked = check(row(volume=-1), row(volume=-1))
    assert (checked.quarantine.height, checked.repeated) == (1, 1)


def test_conflicting_rows_are_all_refused() -> None:
    checked = check(row(), row(close=104.0), row(date=DAYS[1], open=101.0))
    assert checked.bars["date"].to_list() == [DAYS[1]]
    assert checked.quarantine["rule"].to_list() == ["conflicting_rows"] * 2
    assert checked.open_cells["state"].to_list() == ["quarantined"]


def test_a_bar_and_an_untraded_row_for_one_cell_conflict() -> None:
    checked = check(row(), row(open=0.0, high=0.0, low=0.0, volume=0))
    assert checked.quarantine["rule"].to_list() == ["conflicting_rows"] * 2


@pytest.mark.parametrize(
    ("before", "after", "stored"),
    [
        ({}, {}, 1),
        ({"date": DAYS[1]}, {"date": DAYS[2]}, 1),  # the holiday between is no session
        ({}, {"date": DAYS[2]}, 2),
        ({}, {"ticker": "000660"}, 2),
        *(({}, {name: value}, 2) for name, value in (("open", 101.0), ("high", 111.0), ("low", 89.0), ("close", 104.0))),
        ({}, {"volume": 1_001}, 2),
        ({}, {"amount": 104_000.0}, 1),
        ({"volume": 10, "amount": 1_050.0}, {"volume": 10, "amount": 1_050.0}, 1),
        ({"volume": 9, "amount": 945.0}, {"volume": 9, "amount": 945.0}, 2),
        ({"open": 105.0, "high": 105.0, "low": 105.0}, {"open": 105.0, "high": 105.0, "low": 105.0}, 2),
        ({"region": "US"}, {}, 1),
    ],
    ids=str,
)
def test_the_values_of_the_session_before_are_stored_once(
    before: dict[str, Any], after: dict[str, Any], stored: int
) -> None:
    rows = (row(**before), row(**{"date": DAYS[1], **after}))
    checked = check(*rows)
    assert (checked.bars.height, checked.quarantine.height) == (stored, 2 - stored)
    assert set(checked.quarantine["rule"]) <= {"repeated_row", "wrong_region"}
    assert check(*rows[::-1]).bars.sort("date").equals(checked.bars.sort("date")), "the order of rows mattered"


def test_a_series_that_stands_still_is_refused_from_its_second_row_on() -> None:
    checked = check(*(row(date=day) for day in DAYS))
    assert checked.bars["date"].to_list() == [DAYS[0]]
    assert checked.quarantine.select("date", "rule").rows() == [(day, "repeated_row") for day in DAYS[1:]]
    assert checked.open_cells["date"].to_list() == list(DAYS[1:])


def test_a_row_is_compared_with_the_session_before_when_that_is_judged_elsewhere() -> None:
    beside = pl.DataFrame([row(), row(ticker="000660", date=DAYS[2])], schema=BARS)
    checked = check(row(date=DAYS[1]), row(ticker="000660"), beside=beside)
    assert checked.quarantine.select("ticker", "date", "rule").rows() == [("005930", DAYS[1], "repeated_row")]
    assert checked.bars.select("ticker", "date").rows() == [("000660", DAYS[0])]
    assert checked.repeated == 0


@pytest.mark.skipif(not REAL_WINDOWS.exists(), reason="the folder of real bars is not beside the checkout")
def test_no_real_row_of_kospi_and_kosdaq_is_a_repeat() -> None:
    """Four weeks each of 2023 and 2024; there is no traded value in them, so the rule about units has nothing to say."""
    real = pl.read_parquet(REAL_WINDOWS).filter(pl.col("Market") != "KONEX")
    values = {name: pl.col(name.capitalize()).cast(BARS[name]) for name in ("open", "high", "low", "close", "volume")}
    rows = real.select(
        **{name: pl.lit(value) for name, value in row(amount=None).items() if name not in values},
        **values,
    ).with_columns(ticker=real["Code"], date=real["Date"].str.to_date())
    days = rows["date"].unique().sort()
    sessions = pl.DataFrame({"date": days}).select(
        venue=pl.lit("XKRX"), date="date", known_at=pl.lit(NOW, dtype=SESSIONS["known_at"]), finality=pl.lit("final")
    )
    listed = rows.select("ticker", venue=pl.lit("XKRX"), listing_currency=pl.lit("KRW")).unique()
    checked = quality.check(
        rows.select(BARS.names()).cast(BARS),
        pl.DataFrame(schema=REFUSED),
        region="KR",
        run_id=RUN,
        now=NOW,
        listed=listed,
        sessions=sessions,
    )
    assert checked.quarantine.filter(pl.col("rule") == "repeated_row").is_empty()
    assert checked.bars.height > 140_000


def test_one_date_of_two_tickers_is_no_conflict() -> None:
    assert check(row(), row(ticker="000660")).bars.height == 2


def test_what_an_adapter_gave_up_on_goes_to_quarantine() -> None:
    checked = check(row(date=DAYS[1]), refused=[given_up(), given_up(date=None)])
    assert checked.bars.height == 1
    assert checked.quarantine.to_dicts() == [
        {**given_up(), "known_at": NOW, "run_id": RUN},
        {**given_up(date=None), "known_at": NOW, "run_id": RUN},
    ]


def test_a_cell_whose_rows_were_all_refused_stays_an_open_question() -> None:
    checked = check(row(volume=-1), refused=[given_up(date=DAYS[1])])
    columns = ("ticker", "date", "state", "reason", "asked", "provider", "known_at")
    assert checked.open_cells.schema == SESSION_STATES
    assert checked.open_cells.select(columns).rows() == [
        ("005930", DAYS[0], "quarantined", "negative_volume: volume -1", 1, "kis", final_at(DAYS[0])),
        ("005930", DAYS[1], "quarantined", "unreadable: close is 'abc'", 1, "kis", final_at(DAYS[1])),
    ]


@pytest.mark.parametrize("values", [{"ticker": "035720"}, {"date": HOLIDAY}, {"date": dt.date(2026, 11, 21)}])
def test_a_refused_row_outside_what_was_asked_opens_no_cell(values: dict[str, Any]) -> None:
    assert check(row(**values)).open_cells.height == 0


def test_a_cell_with_a_bar_is_no_open_question() -> None:
    checked = check(row(), refused=[given_up()])
    assert (checked.bars.height, checked.quarantine.height, checked.open_cells.height) == (1, 1, 0)


def test_a_cell_opens_once_however_many_rows_were_refused() -> None:
    assert check(row(volume=-1), row(volume=-2), refused=[given_up()]).open_cells.height == 1


# ---- what comes out can be committed ----


@pytest.mark.parametrize(
    "values",
    [{"region": "US"}, {"ticker": "035720"}, {"currency": "USD"}, {"date": HOLIDAY}, {"close": math.nan}, {"volume": -1}],
    ids="+".join,
)
def test_a_batch_with_a_refused_row_commits(tmp_path: Path, values: dict[str, Any]) -> None:
    store = commit(check(row(**values), row(ticker="000660")), tmp_path / "home")
    found = "SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM ohlcv_data)"
    assert store.look(lambda connection: connection.execute(found).fetchall()) == [(1, 1)]


def test_rows_while_no_session_has_closed_are_refused_and_commit(tmp_path: Path) -> None:
    checked = check(row(), sessions=CALENDAR.clear())
    assert checked.quarantine["rule"].to_list() == ["future_bar"]
    assert checked.quarantine["reason"].null_count() == 0
    commit(checked, tmp_path / "home")


@pytest.mark.parametrize("raw", ["", "\x00", "a\x00b", "\x1b[2J", "'); DROP TABLE quarantine; --", "\u202e٣½", "9" * 100_000])
def test_what_an_adapter_gave_up_on_is_kept_to_the_letter(tmp_path: Path, raw: str) -> None:
    store = commit(check(refused=[given_up(raw=raw, reason=f"close is {raw!r}")]), tmp_path / "home")
    kept = store.look(lambda connection: connection.execute("SELECT raw, reason FROM quarantine").fetchall())
    assert kept == [(raw, f"close is {raw!r}")]


@pytest.mark.parametrize("name", ["date", "currency"])
def test_a_row_without_a_date_or_currency_is_refused_and_commits(tmp_path: Path, name: str) -> None:
    checked = check(row(**{name: None}))
    assert (checked.bars.height, checked.quarantine.height) == (0, 1)
    assert checked.quarantine["reason"].null_count() == 0
    commit(checked, tmp_path / "home")


# ---- any rows at all ----

PRICE = st.sampled_from([None, math.nan, -1.0, 0.0, 1.0, 100.0, 100.0, 100.001, 105.0, 105.0, math.inf])
ROWS = st.lists(
    st.builds(
        row,
        region=st.sampled_from(["KR", "KR", "KR", "US"]),
        ticker=st.sampled_from(["005930", "000660", "035720"]),
        date=st.sampled_from([*DAYS, HOLIDAY, dt.date(2026, 11, 21)]),
        open=PRICE,
        high=PRICE,
        low=PRICE,
        close=PRICE,
        volume=st.sampled_from([None, -1, 0, 0, 1, 1_000]),
        currency=st.sampled_from(["KRW", "KRW", "KRW", "USD"]),
    ),
    max_size=12,
)
GIVEN_UP = st.lists(
    st.builds(given_up, ticker=st.sampled_from(["005930", "035720"]), date=st.sampled_from([None, *DAYS])), max_size=3
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, refused=GIVEN_UP)
def test_the_outcomes_of_any_rows_add_up_and_no_cell_is_in_two(
    rows: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    checked = check(*rows, refused=refused)
    outcomes = checked.bars.height + checked.explained.height + checked.quarantine.height + checked.repeated
    assert outcomes == len(rows) + len(refused)
    assert checked.quarantine["reason"].null_count() == checked.quarantine["rule"].null_count() == 0
    cells = [set(frame.select("ticker", "date").rows()) for frame in (checked.bars, checked.explained, checked.open_cells)]
    assert sum(map(len, cells)) == len(set().union(*cells))
    assert [frame.height for frame in (checked.bars, checked.explained, checked.open_cells)] == list(map(len, cells))
    names = ("region", "ticker", "date", "volume", "currency")
    kept = [tuple(str(one.get(name)) for name in names) for one in map(json.loads, checked.quarantine["raw"]) if "date" in one]
    came = {tuple(str(one[name]) for name in names) for one in rows}
    assert set(kept) <= came


@settings(max_examples=80, deadline=None)
@given(rows=ROWS)
def test_every_stored_bar_is_one_a_chart_can_show(rows: list[dict[str, Any]]) -> None:
    for one in check(*rows).bars.iter_rows(named=True):
        prices = [one[name] for name in ("open", "high", "low", "close")]
        assert all(math.isfinite(price) and price > 0 for price in prices)
        assert one["high"] >= max(prices) * (1 - 1e-5)
        assert one["low"] <= min(prices) * (1 + 1e-5)
        assert one["volume"] >= 0
        assert one["date"] in DAYS


# ---- corporate actions ----


def action(**values: Any) -> dict[str, Any]:
    """Five for one on the first session."""
    fields: dict[str, Any] = {
        "region": "KR",
        "ticker": "005930",
        "ex_date": DAYS[0],
        "kind": "split",
        "ratio": 5.0,
        "price_factor": 0.2,
        "volume_factor": 5.0,
        "in_split_adjusted": True,
        "cash": None,
        "currency": None,
        "status": "confirmed",
        "source": "daily rows",
        "provider": "kis",
    }
    return {**fields, **values}


CASH = {"kind": "cash", "ratio": None, "price_factor": 1.0, "volume_factor": 1.0, "in_split_adjusted": False}


def test_actions_are_held_against_the_words_of_their_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.write():
        pass
    constraints = store.look(
        lambda connection: connection.execute(
            "SELECT constraint_column_names, expression FROM duckdb_constraints() "
            "WHERE table_name = 'corporate_actions' AND constraint_type = 'CHECK'"
        ).fetchall()
    )
    allowed = {columns[0]: tuple(re.findall(r"'(\w+)'", words)) for columns, words in constraints if " IN " in words}
    assert allowed == {"kind": quality.ACTION_KINDS, "status": quality.ACTION_STATES}


def check_actions(*actions: dict[str, Any]) -> quality.CheckedActions:
    frame = pl.DataFrame(list(actions), schema=ACTIONS)
    return quality.check_actions(frame, region="KR", run_id=RUN, now=NOW, listed=LISTINGS, sessions=CALENDAR)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"region": "US"}, "wrong_region"),
        ({"ticker": "035720"}, "unknown_ticker"),
        ({"ex_date": None}, "bad_action"),
        ({"kind": "magic"}, "bad_action"),
        ({"status": "heard of"}, "bad_action"),
        ({"price_factor": 0.0}, "bad_action"),
        ({"price_factor": None}, "bad_action"),
        ({"volume_factor": math.inf}, "bad_action"),
        ({"volume_factor": math.nan}, "bad_action"),
        ({"in_split_adjusted": None}, "bad_action"),
        ({"source": None}, "bad_action"),
        ({"currency": "KRW"}, "bad_action"),
        ({**CASH, "cash": 1.0}, "bad_action"),
        ({**CASH, "cash": -1.0, "currency": "KRW"}, "bad_action"),
        ({**CASH, "cash": math.nan, "currency": "KRW"}, "bad_action"),
    ],
)
def test_an_action_that_the_store_can_not_take_is_refused_as_it_came(values: dict[str, Any], rule: str) -> None:
    checked = check_actions(action(**values), action())
    assert checked.quarantine.schema == QUARANTINE
    assert checked.quarantine.select("region", "ticker", "date", "rule", "provider", "known_at", "run_id").rows() == [
        (values.get("region", "KR"), values.get("ticker", "005930"), values.get("ex_date", DAYS[0]), rule, "kis", NOW, RUN)
    ]
    came = json.loads(checked.quarantine["raw"][0])
    assert {name: came[name] for name in values} == {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }
    assert checked.actions.height == 1


def test_an_action_is_known_when_its_session_was_final_and_never_later_than_now() -> None:
    """A session of the past, one that is not final yet, a day without a session, and one still ahead."""
    now = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
    days = (DAYS[0], DAYS[3], HOLIDAY, dt.date(2026, 12, 1))
    frame = pl.DataFrame([action(ex_date=day, **CASH, cash=5.0, currency="KRW") for day in days], schema=ACTIONS)
    checked = quality.check_actions(frame, region="KR", run_id=RUN, now=now, listed=LISTINGS, sessions=CALENDAR)
    assert checked.actions.schema == STORED_ACTIONS
    assert checked.quarantine.is_empty()
    assert checked.actions.select("ex_date", "known_at", "run_id").rows() == [
        (days[0], final_at(days[0]), RUN),
        *((day, now, RUN) for day in days[1:]),
    ]
