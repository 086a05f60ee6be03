"""Why a cell holds no bar: a bar clears it, a received row explains it, an inference never overrides either."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pipeline.store import Committed, Store

DATE = "2026-11-18"
FOUND = "SELECT state, reason, close, asked FROM session_states"


def test_a_bar_clears_the_state_of_its_cell_only(store: Store, make: SimpleNamespace) -> None:
    cells = make.states(make.state(DATE), make.state("2026-11-19"), make.state(DATE, ticker="000660"))
    make.commit(store, make.batch("one", explained=cells))
    make.commit(store, make.batch("two", make.bar(DATE)))
    assert make.ask(store, "SELECT ticker, date::VARCHAR FROM session_states ORDER BY ALL") == [
        ("000660", DATE),
        ("005930", "2026-11-19"),
    ]


@pytest.mark.parametrize("kind", ["halted", "no_trade"])
def test_an_untraded_row_over_a_bar_is_refused_and_kept(store: Store, make: SimpleNamespace, kind: str) -> None:
    make.commit(store, make.batch("one", make.bar(DATE, 100)))
    done = make.commit(store, make.batch("two", explained=make.states(make.state(DATE, kind, close=99.0))))
    assert done == Committed(received=1, refused=1)
    assert make.ask(store, "SELECT close FROM ohlcv_data") == [(100.0,)]
    assert make.ask(store, FOUND) == []
    found = make.ask(store, "SELECT ticker, date::VARCHAR, rule, reason, raw, provider, run_id FROM quarantine")
    assert [row[:4] for row in found] == [
        ("005930", DATE, "untraded_over_bar", f"says {kind} where a bar stands (close 100.0 from kis)")
    ]
    assert json.loads(found[0][4]) == {"state": kind, "reason": f"because {kind}", "close": 99.0}
    assert found[0][5:] == ("kis", make.RUN)


def test_a_bar_and_an_untraded_row_in_one_batch_leave_the_bar(store: Store, make: SimpleNamespace) -> None:
    explained = make.states(make.state(DATE), make.state("2026-11-19"))
    done = make.commit(store, make.batch("one", make.bar(DATE), explained=explained))
    assert done == Committed(received=3, stored=1, explained=1, refused=1)
    assert make.ask(store, "SELECT date::VARCHAR FROM session_states") == [("2026-11-19",)]


def test_an_inferred_state_gives_way_to_a_bar(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    make.commit(store, make.batch("two", inferred=make.states(make.state(DATE, "gap"))))
    assert make.ask(store, FOUND) == []


@pytest.mark.parametrize("inferred", ["gap", "quarantined", "no_trade", "not_listed"])
def test_an_inferred_state_never_overrides_an_explained_one(store: Store, make: SimpleNamespace, inferred: str) -> None:
    make.commit(store, make.batch("one", explained=make.states(make.state(DATE, "halted", close=9.0))))
    make.commit(store, make.batch("two", inferred=make.states(make.state(DATE, inferred))))
    assert make.ask(store, FOUND) == [("halted", "because halted", 9.0, 1)]


def test_explained_and_inferred_for_one_cell_in_one_batch_leave_the_explanation(store: Store, make: SimpleNamespace) -> None:
    both = make.batch("one", explained=make.states(make.state(DATE, "halted")), inferred=make.states(make.state(DATE, "gap")))
    make.commit(store, both)
    assert make.ask(store, FOUND) == [("halted", "because halted", None, 1)]


@pytest.mark.parametrize("kind", ["gap", "quarantined"])
def test_an_open_question_counts_how_often_it_was_asked(store: Store, make: SimpleNamespace, kind: str) -> None:
    for number in range(3):
        make.commit(store, make.batch(f"batch-{number}", inferred=make.states(make.state(DATE, kind))))
    assert make.ask(store, FOUND) == [(kind, f"because {kind}", None, 3)]


def test_an_open_question_that_turns_into_another_goes_on_counting(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", inferred=make.states(make.state(DATE, "gap"))))
    make.commit(store, make.batch("two", inferred=make.states(make.state(DATE, "quarantined"))))
    assert make.ask(store, FOUND) == [("quarantined", "because quarantined", None, 2)]


def test_an_open_question_is_settled_by_an_inference(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", inferred=make.states(make.state(DATE, "gap"))))
    make.commit(store, make.batch("two", inferred=make.states(make.state(DATE, "no_trade"))))
    assert [row[0] for row in make.ask(store, FOUND)] == ["no_trade"]


def test_a_settled_inference_is_not_opened_again(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", inferred=make.states(make.state(DATE, "no_trade"))))
    make.commit(store, make.batch("two", inferred=make.states(make.state(DATE, "gap"))))
    assert [row[0] for row in make.ask(store, FOUND)] == ["no_trade"]


@pytest.mark.parametrize("kind", ["gap", "quarantined", "no_trade"])
def test_a_received_row_explains_what_was_inferred(store: Store, make: SimpleNamespace, kind: str) -> None:
    make.commit(store, make.batch("one", inferred=make.states(make.state(DATE, kind, reason="guessed"))))
    make.commit(store, make.batch("two", explained=make.states(make.state(DATE, "halted", close=5.0))))
    assert make.ask(store, FOUND) == [("halted", "because halted", 5.0, 1)]


def test_the_same_explanation_again_changes_nothing(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", explained=make.states(make.state(DATE, close=5.0))))
    again = make.states(make.state(DATE, close=5.0, run_id="later"))
    assert make.commit(store, make.batch("two", explained=again)) == Committed(received=1, explained=1)
    assert make.ask(store, "SELECT state, run_id FROM session_states") == [("halted", make.RUN)]


def test_another_explanation_replaces_the_one_before(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", explained=make.states(make.state(DATE, close=5.0))))
    make.commit(store, make.batch("two", explained=make.states(make.state(DATE, close=6.0, run_id="later"))))
    assert make.ask(store, "SELECT close, run_id FROM session_states") == [(6.0, "later")]


def test_a_bar_of_another_region_clears_nothing(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", explained=make.states(make.state(DATE))))
    make.commit(store, make.batch("two", make.bar(DATE, region="CN", currency="CNY"), region="CN"))
    assert [row[0] for row in make.ask(store, FOUND)] == ["halted"]
