"""The one write path: each key once, changes kept as revisions, every received row counted once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pipeline.errors import DuplicateRows, OriginMismatch, StoreError
from pipeline.store import Committed, Store, commit_batch, write_index_bars

DAYS = ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19")
CLOSES = "SELECT ticker, date::VARCHAR, close FROM ohlcv_data ORDER BY ALL"


def test_a_batch_is_stored_as_it_came(store: Store, make: SimpleNamespace) -> None:
    rows = [make.bar(DAYS[0], 100.5), make.bar(DAYS[1], 101.25, amount=None), make.bar(DAYS[0], 7, ticker="0013V0")]
    done = make.commit(store, make.batch("one", *rows))
    stored = store.look(lambda connection: connection.sql("FROM ohlcv_data ORDER BY ticker, date").pl())
    expected = make.bars(*rows).sort("ticker", "date")
    assert stored.cast({"known_at": expected.schema["known_at"]}).equals(expected)
    assert done == Committed(received=3, stored=3)


def test_an_overlap_confirms_what_stands_and_adds_the_rest(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100), make.bar(DAYS[1], 101)))
    done = make.commit(store, make.batch("two", make.bar(DAYS[1], 101, run_id="later"), make.bar(DAYS[2], 102)))
    assert done == Committed(received=2, stored=1, confirmed=1)
    assert make.ask(store, CLOSES) == [
        ("005930", DAYS[0], 100.0),
        ("005930", DAYS[1], 101.0),
        ("005930", DAYS[2], 102.0),
    ]
    assert make.ask(store, f"SELECT run_id FROM ohlcv_data WHERE date = '{DAYS[1]}'") == [(make.RUN,)]
    assert make.ask(store, "SELECT count(*) FROM ohlcv_revisions") == [(0,)]


def test_a_restatement_keeps_the_old_row_as_a_revision(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100, run_id="first"), make.bar(DAYS[1], 101)))
    restated = make.bar(DAYS[0], 50, run_id="second", provider="polygon")
    done = make.commit(store, make.batch("two", restated, run_id="second"))
    assert done == Committed(received=1, stored=1, revised=1)
    assert make.ask(store, CLOSES) == [("005930", DAYS[0], 50.0), ("005930", DAYS[1], 101.0)]
    revision = "SELECT close, run_id, provider, replaced_by_run, replaced_by, replaced_at, reason FROM ohlcv_revisions"
    assert make.ask(store, revision) == [(100.0, "first", "kis", "second", "polygon", make.NOW, "restated")]


@pytest.mark.parametrize(
    "change",
    [
        {"open": 99.5},
        {"high": 102.0},
        {"low": 98.0},
        {"close": 100.5},
        {"volume": 1_001},
        {"amount": None},
        {"currency": "USD"},
        {"basis": "unknown"},
        {"basis": "split_adjusted", "adjusted_through": "2026-11-18"},
    ],
    ids="+".join,
)
def test_a_change_of_any_value_is_a_revision(store: Store, make: SimpleNamespace, change: dict[str, Any]) -> None:
    if "adjusted_through" in change:
        change = {**change, "adjusted_through": make.day(change["adjusted_through"])}
    make.commit(store, make.batch("one", make.bar(DAYS[0])))
    assert make.commit(store, make.batch("two", make.bar(DAYS[0], **change))).revised == 1
    assert make.ask(store, "SELECT count(*) FROM ohlcv_revisions") == [(1,)]
    assert make.ask(store, "SELECT count(*) FROM ohlcv_data") == [(1,)]


def test_every_restatement_leaves_a_revision_of_its_own(store: Store, make: SimpleNamespace) -> None:
    for number, close in enumerate([100, 101, 102]):
        make.commit(store, make.batch(f"batch-{number}", make.bar(DAYS[0], close)))
    assert make.ask(store, "SELECT close FROM ohlcv_revisions ORDER BY ALL") == [(100.0,), (101.0,)]
    assert make.ask(store, CLOSES) == [("005930", DAYS[0], 102.0)]


def test_turning_final_without_a_change_is_no_revision(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], finality="provisional")))
    done = make.commit(store, make.batch("two", make.bar(DAYS[0], run_id="evening")))
    assert done == Committed(received=1, stored=1)
    assert make.ask(store, "SELECT finality, run_id FROM ohlcv_data") == [("final", "evening")]
    assert make.ask(store, "SELECT count(*) FROM ohlcv_revisions") == [(0,)]


def test_turning_final_with_a_change_is_a_revision(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100, finality="provisional")))
    assert make.commit(store, make.batch("two", make.bar(DAYS[0], 101))) == Committed(received=1, stored=1, revised=1)
    assert make.ask(store, "SELECT close, finality FROM ohlcv_revisions") == [(100.0, "provisional")]


@pytest.mark.parametrize("close", [100.0, 55.0], ids=["same values", "other values"])
def test_a_final_bar_is_never_replaced_by_a_provisional_one(store: Store, make: SimpleNamespace, close: float) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100)))
    done = make.commit(store, make.batch("two", make.bar(DAYS[0], close, finality="provisional")))
    assert (done.received, done.stored, done.revised) == (1, 0, 0)
    assert make.ask(store, "SELECT close, finality FROM ohlcv_data") == [(100.0, "final")]
    assert make.ask(store, "SELECT count(*) FROM ohlcv_revisions") == [(0,)]


def test_a_provisional_answer_with_other_values_does_not_count_as_confirming_a_final_bar(
    store: Store, make: SimpleNamespace
) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100)))
    done = make.commit(store, make.batch("two", make.bar(DAYS[0], 55, finality="provisional")))
    assert (done.confirmed, done.refused) == (0, 1)


def test_a_batch_of_new_confirmed_and_changed_bars_writes_each_right(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", *(make.bar(date, 100) for date in DAYS[:3])))
    done = make.commit(store, make.batch("two", make.bar(DAYS[1], 100), make.bar(DAYS[2], 90), make.bar(DAYS[3], 80)))
    assert done == Committed(received=3, stored=2, revised=1, confirmed=1)
    assert [close for _, _, close in make.ask(store, CLOSES)] == [100.0, 100.0, 90.0, 80.0]


def test_one_ticker_in_two_regions_is_two_keys(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100, ticker="600519")))
    other = make.bar(DAYS[0], 9, ticker="600519", region="CN", currency="CNY")
    assert make.commit(store, make.batch("two", other, region="CN")) == Committed(received=1, stored=1)
    found = "SELECT region, close FROM ohlcv_data ORDER BY region"
    assert make.ask(store, found) == [("CN", 9.0), ("KR", 100.0)]


def test_a_batch_commits_once_and_answers_what_it_did_the_first_time(store: Store, make: SimpleNamespace) -> None:
    full = make.batch(
        "one",
        make.bar(DAYS[0]),
        make.bar(DAYS[1]),
        explained=make.states(make.state(DAYS[2])),
        quarantine=make.quarantine(make.refused(DAYS[3])),
        ranges=make.ranges(make.listing_range()),
        repeated=2,
    )
    first = make.commit(store, full)
    left = make.everything(store)
    again = make.commit(store, full)
    assert first == again == Committed(received=6, stored=2, explained=1, refused=1, repeated=2)
    assert make.everything(store) == left


def test_the_marker_decides_even_where_the_same_id_comes_with_other_rows(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100)))
    make.commit(store, make.batch("one", make.bar(DAYS[0], 55), make.bar(DAYS[1], 55)))
    assert make.ask(store, CLOSES) == [("005930", DAYS[0], 100.0)]


def test_the_marker_holds_the_counts_and_the_span(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("zero", make.bar(DAYS[0], 1), make.bar(DAYS[1], 1)))
    make.commit(
        store,
        make.batch(
            "one",
            make.bar(DAYS[0], 1),
            make.bar(DAYS[1], 2),
            make.bar(DAYS[2], 3),
            explained=make.states(make.state(DAYS[3])),
            quarantine=make.quarantine(make.refused(None)),
            repeated=4,
            venue="XKRX",
        ),
    )
    span = "SELECT venue, first_session::VARCHAR, last_session::VARCHAR FROM commits WHERE batch_id = 'one'"
    assert make.ask(store, span) == [("XKRX", DAYS[0], DAYS[3])]
    counts = "SELECT received, stored, revised, confirmed, explained, refused, repeated FROM commits WHERE batch_id = 'one'"
    assert make.ask(store, counts) == [(9, 2, 1, 1, 1, 1, 4)]
    sums = "SELECT count(*) FROM commits WHERE received <> stored + confirmed + explained + refused + repeated"
    assert make.ask(store, sums) == [(0,)]


def test_a_batch_of_nothing_but_refusals_leaves_its_marker(store: Store, make: SimpleNamespace) -> None:
    done = make.commit(store, make.batch("one", quarantine=make.quarantine(make.refused(DAYS[0]))))
    assert done == Committed(received=1, refused=1)
    assert make.ask(store, "SELECT batch_id, first_session FROM commits") == [("one", None)]


def test_what_batches_did_adds_up() -> None:
    one = Committed(received=5, stored=1, revised=1, confirmed=1, explained=1, refused=1, repeated=1)
    assert one + Committed(received=1, stored=1) == Committed(6, 2, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("closes", [(100.0, 100.0), (100.0, 101.0)], ids=["equal rows", "different rows"])
@pytest.mark.parametrize("standing", [False, True], ids=["new key", "standing key"])
def test_a_key_twice_in_a_batch_rolls_everything_back(
    store: Store, make: SimpleNamespace, closes: tuple[float, float], standing: bool
) -> None:
    first = [make.bar(DAYS[0], 100)] if standing else [make.bar(DAYS[3], 100)]
    make.commit(store, make.batch("zero", *first, inferred=make.states(make.state(DAYS[1], "gap")), run_id="before"))
    left = make.everything(store)
    twice = make.batch(
        "one",
        make.bar(DAYS[0], closes[0]),
        make.bar(DAYS[0], closes[1]),
        make.bar(DAYS[1], 5),
        explained=make.states(make.state(DAYS[2])),
        quarantine=make.quarantine(make.refused(DAYS[2])),
        ranges=make.ranges(make.listing_range()),
    )
    with pytest.raises(DuplicateRows, match=r"region KR, 2026-11-16 to 2026-11-17.*rolled back"):
        make.commit(store, twice)
    assert make.everything(store) == left


def test_a_key_that_stands_twice_already_stops_the_next_batch_that_names_it(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0], 100)))
    with store.write("by hand") as connection:
        connection.execute("INSERT INTO ohlcv_data FROM ohlcv_data")
    with pytest.raises(DuplicateRows):
        make.commit(store, make.batch("two", make.bar(DAYS[0], 100)))


def test_an_explained_cell_twice_in_a_batch_rolls_everything_back(store: Store, make: SimpleNamespace) -> None:
    twice = make.states(make.state(DAYS[0], "halted"), make.state(DAYS[0], "no_trade"))
    with pytest.raises(DuplicateRows):
        make.commit(store, make.batch("one", make.bar(DAYS[1]), explained=twice))
    assert make.ask(store, "SELECT count(*) FROM ohlcv_data") == [(0,)]


def test_an_inferred_cell_twice_in_a_batch_rolls_everything_back(store: Store, make: SimpleNamespace) -> None:
    twice = make.states(make.state(DAYS[0], "gap"), make.state(DAYS[0], "quarantined"))
    with pytest.raises(DuplicateRows):
        make.commit(store, make.batch("one", make.bar(DAYS[1]), inferred=twice))
    assert make.ask(store, "SELECT count(*) FROM ohlcv_data") == [(0,)]


@pytest.mark.parametrize("part", ["bars", "explained", "inferred", "ranges"])
def test_rows_of_another_region_are_refused_with_the_whole_batch(store: Store, make: SimpleNamespace, part: str) -> None:
    strange: dict[str, pl.DataFrame] = {
        "bars": make.bars(make.bar(DAYS[1]), make.bar(DAYS[1], region="US")),
        "explained": make.states(make.state(DAYS[1], region="US")),
        "inferred": make.states(make.state(DAYS[1], "gap", region="US")),
        "ranges": make.ranges(make.listing_range(region="US")),
    }
    parts = {"bars": make.bars(make.bar(DAYS[0])), part: strange[part]}
    with pytest.raises(StoreError, match=r"batch of region KR holds rows of region .*US"):
        make.commit(store, make.batch("one", **parts))
    assert all(not rows for rows in make.everything(store).values())


def test_a_region_that_settings_do_not_know_is_refused(store: Store, make: SimpleNamespace) -> None:
    with pytest.raises(StoreError, match="XX"):
        make.commit(store, make.batch("one", make.bar(DAYS[0], region="XX"), region="XX"))


def test_a_frame_without_the_tables_columns_is_refused(store: Store, make: SimpleNamespace) -> None:
    wrong = make.bars(make.bar(DAYS[0])).with_columns(pl.col("volume").cast(pl.Float64))
    with pytest.raises(StoreError, match="columns: expected"):
        make.commit(store, make.batch("one", bars=wrong))


@pytest.mark.parametrize(("first", "second"), [("sandbox", "live"), ("live", "sandbox")])
def test_a_store_refuses_rows_of_the_other_origin(store: Store, make: SimpleNamespace, first: str, second: str) -> None:
    make.commit(store, make.batch("one", make.bar(DAYS[0]), origin=first))
    left = make.everything(store)
    with pytest.raises(OriginMismatch, match=f"holds {first} rows .*{make.RUN}.* refuses {second} ones: .*SPOCK_HOME"):
        make.commit(store, make.batch("two", make.bar(DAYS[1]), origin=second))
    assert make.everything(store) == left
    make.commit(store, make.batch("three", make.bar(DAYS[1]), origin=first))
    assert make.ask(store, "SELECT origin, since, run_id FROM store_origin") == [(first, make.NOW, make.RUN)]


def test_a_listing_range_grows_at_its_beginning_and_takes_an_end(store: Store, make: SimpleNamespace) -> None:
    day = make.day
    steps = [
        {"asked_from": day("2026-06-01"), "first_session": day("2026-06-01")},
        {"asked_from": day("2026-01-01"), "first_session": day("2026-01-02"), "last_session": day("2026-11-18")},
        {"asked_from": day("2026-09-01"), "first_session": None, "last_session": None, "evidence": "newest"},
    ]
    for number, step in enumerate(steps):
        make.commit(store, make.batch(f"batch-{number}", ranges=make.ranges(make.listing_range(**step))))
    found = "SELECT asked_from::VARCHAR, first_session::VARCHAR, last_session::VARCHAR, evidence FROM listing_ranges"
    assert make.ask(store, found) == [("2026-01-01", "2026-01-02", "2026-11-18", "newest")]


def test_index_bars_replace_their_own_dates_only(store: Store, make: SimpleNamespace) -> None:
    levels = make.index_bars(
        make.index_bar(DAYS[0], 2500), make.index_bar(DAYS[1], 2510), make.index_bar(DAYS[0], 800, index_code="KOSDAQ")
    )
    with store.write("index") as connection:
        write_index_bars(connection, levels, "KR")
    with store.write("index") as connection:
        write_index_bars(connection, make.index_bars(make.index_bar(DAYS[1], 2511), make.index_bar(DAYS[2], 2520)), "KR")
    assert make.ask(store, "SELECT index_code, date::VARCHAR, close FROM index_bars ORDER BY ALL") == [
        ("KOSDAQ", DAYS[0], 800.0),
        ("KOSPI", DAYS[0], 2500.0),
        ("KOSPI", DAYS[1], 2511.0),
        ("KOSPI", DAYS[2], 2520.0),
    ]


@pytest.mark.parametrize("standing", [False, True], ids=["new", "standing"])
def test_an_index_date_twice_rolls_back(store: Store, make: SimpleNamespace, standing: bool) -> None:
    if standing:
        with store.write("index") as connection:
            write_index_bars(connection, make.index_bars(make.index_bar(DAYS[0], 1)), "KR")
    with pytest.raises(DuplicateRows, match="index bars"), store.write("index") as connection:
        write_index_bars(connection, make.index_bars(make.index_bar(DAYS[0], 1), make.index_bar(DAYS[0], 2)), "KR")
    assert make.ask(store, "SELECT count(*) FROM index_bars") == [(int(standing),)]


def test_several_batches_in_one_transaction_stand_or_fall_together(store: Store, make: SimpleNamespace) -> None:
    sound, twice = make.batch("one", make.bar(DAYS[0])), make.batch("two", make.bar(DAYS[1]), make.bar(DAYS[1]))
    with pytest.raises(DuplicateRows), store.write("night") as connection:
        assert [commit_batch(connection, one).stored for one in (sound, twice)]
    assert all(not rows for rows in make.everything(store).values())


def test_two_stores_do_not_know_each_other(tmp_path: Path, make: SimpleNamespace) -> None:
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    make.commit(one, make.batch("one", make.bar(DAYS[0]), origin="live"))
    make.commit(two, make.batch("one", make.bar(DAYS[0]), origin="sandbox"))
    assert make.ask(one, "SELECT origin FROM store_origin") == [("live",)]
    assert make.ask(two, "SELECT origin FROM store_origin") == [("sandbox",)]
