"""Corporate actions on their way into the store: one word an event, traces of what changed, and what the views make of them."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pipeline.errors import StoreError
from pipeline.store import STORED_ACTIONS, Store

EX = "2026-11-18"
LATER = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)

Told = dict[str, Any]


def told(kind: str = "split", ex_date: str = EX, **values: Any) -> Told:
    """A row of STORED_ACTIONS; by default five for one, told by KIS."""
    shares = 5.0 if kind in {"split", "bonus", "consolidation"} else None
    row = {
        "region": "KR",
        "ticker": "005930",
        "ex_date": dt.date.fromisoformat(ex_date),
        "kind": kind,
        "ratio": shares,
        "price_factor": 1 / shares if shares else 1.0,
        "volume_factor": shares or 1.0,
        "in_split_adjusted": shares is not None,
        "cash": None,
        "currency": None,
        "status": "confirmed",
        "source": "test",
        "provider": "kis",
        "known_at": dt.datetime.fromisoformat(f"{ex_date}T11:05:00+00:00"),
        "run_id": "first",
    }
    return {**row, **values}


def paid(cash: float, **values: Any) -> Told:
    return told("cash", cash=cash, currency="KRW", **values)


UNKNOWN = told("capital_cut", status="inferred")
YAHOO = {"provider": "yfinance"}
HALVED = told(price_factor=0.5, volume_factor=2.0, ratio=2.0, **YAHOO)


class Actions:
    """A store that is told actions, a batch each; the second batch is of a later run."""

    def __init__(self, store: Store, make: SimpleNamespace) -> None:
        self.store = store
        self.make = make
        self._batches = 0

    def tell(self, *rows: Told, bars: tuple[dict[str, Any], ...] = ()) -> None:
        self._batches += 1
        run = (
            {"run_id": "first", "committed_at": self.make.NOW}
            if self._batches == 1
            else {"run_id": "second", "committed_at": LATER}
        )
        actions = pl.DataFrame([{**row, "run_id": run["run_id"]} for row in rows], STORED_ACTIONS)
        batch = self.make.batch(f"batch-{self._batches}", *bars, actions=actions, **run)
        done = self.make.commit(self.store, batch)
        assert (done.refused, done.received) == (0, len(bars))

    def stand(self) -> list[tuple[Any, ...]]:
        return self.make.ask(
            self.store,
            "SELECT kind, seq, price_factor, cash, provider, run_id, strftime(known_at, '%d %H:%M') "
            "FROM corporate_actions ORDER BY ex_date, kind, seq",
        )

    def notes(self) -> list[tuple[Any, ...]]:
        return self.make.ask(self.store, "SELECT rule, provider, run_id, raw FROM quarantine ORDER BY rule, provider")


@pytest.fixture
def actions(store: Store, make: SimpleNamespace) -> Actions:
    return Actions(store, make)


FIRST_SPLIT = ("split", 1, 0.2, None, "kis", "first", "18 11:05")
FIRST_CASH = ("cash", 1, 1.0, 10.0, "kis", "first", "18 11:05")
KNOWN = ("split", 1, 0.2, None, "yfinance", "second", "23 12:00")
KIS_LATER = ("split", 1, 0.2, None, "kis", "second", "18 11:05")


@pytest.mark.parametrize(
    ("before", "after", "standing", "rules"),
    [
        pytest.param([told()], [told()], [FIRST_SPLIT], [], id="told again as it stands"),
        pytest.param([told()], [], [FIRST_SPLIT], [], id="not told again"),
        pytest.param([told()], [told(source="other words")], [FIRST_SPLIT], [], id="in other words"),
        pytest.param([told(), paid(10)], [paid(10.0004), told()], [FIRST_CASH, FIRST_SPLIT], [], id="rounded"),
        pytest.param([told()], [told("bonus", **YAHOO)], [FIRST_SPLIT], [], id="spelt by another provider"),
        pytest.param([paid(10)], [paid(4, **YAHOO), paid(6, **YAHOO)], [FIRST_CASH], [], id="in parts by another one"),
        pytest.param([told()], [UNKNOWN], [FIRST_SPLIT], [], id="no longer known"),
        pytest.param([told()], [{**UNKNOWN, **YAHOO}], [FIRST_SPLIT], [], id="not known to another provider"),
        pytest.param(
            [told()], [told(price_factor=0.2005, volume_factor=1 / 0.2005, **YAHOO)], [FIRST_SPLIT], [],
            id="rounded by another provider",
        ),
        pytest.param([told()], [HALVED], [FIRST_SPLIT], [("action_contradicted", "yfinance")], id="contradicted"),
        pytest.param(
            [told("rights", price_factor=0.9)], [told(price_factor=0.9, volume_factor=1 / 0.9, **YAHOO)],
            [("rights", 1, 0.9, None, "kis", "first", "18 11:05")], [("action_contradicted", "yfinance")],
            id="contradicted in the number of shares",
        ),
        pytest.param(
            [paid(10)], [paid(9, **YAHOO)], [FIRST_CASH], [("action_contradicted", "yfinance")], id="another amount",
        ),
        pytest.param(
            [paid(10)], [{**paid(10, **YAHOO), "currency": "USD"}], [FIRST_CASH], [("action_contradicted", "yfinance")],
            id="the amount in another currency",
        ),
        pytest.param([told(status="cancelled")], [HALVED], [FIRST_SPLIT], [], id="cancelled by hand, told by another one"),
        pytest.param([], [told(), HALVED], [KIS_LATER], [("action_contradicted", "yfinance")], id="two words in one batch"),
        pytest.param([told(status="cancelled")], [told()], [FIRST_SPLIT], [], id="cancelled by hand"),
        pytest.param(
            [told(), told()], [told()], [FIRST_SPLIT], [], id="told twice in one answer",
        ),
        pytest.param(
            [paid(10)], [told(), paid(10)], [FIRST_CASH, ("split", 1, 0.2, None, "kis", "second", "18 11:05")], [],
            id="another kind of event of the same date",
        ),
        pytest.param(
            [told()], [told(price_factor=0.1, volume_factor=10.0, ratio=10.0)],
            [("split", 1, 0.1, None, "kis", "second", "23 12:00")], [("action_replaced", "kis")],
            id="changed by its provider",
        ),
        pytest.param(
            [told("rights", price_factor=0.9)], [told("bonus", price_factor=0.9, volume_factor=1 / 0.9)],
            [("bonus", 1, 0.9, None, "kis", "second", "23 12:00")], [("action_replaced", "kis")],
            id="called otherwise by its provider",
        ),
        pytest.param(
            [paid(10)], [paid(4), paid(6)],
            [("cash", 1, 1.0, 4.0, "kis", "second", "23 12:00"), ("cash", 2, 1.0, 6.0, "kis", "second", "23 12:00")],
            [("action_replaced", "kis")], id="paid in parts",
        ),
        pytest.param(
            [UNKNOWN], [told(**YAHOO)], [KNOWN], [("action_replaced", "kis"), ("corporate_action_suspect", "kis")],
            id="known to another provider",
        ),
        pytest.param(
            [UNKNOWN], [UNKNOWN], [("capital_cut", 1, 1.0, None, "kis", "first", "18 11:05")],
            [("corporate_action_suspect", "kis")], id="not known, said once",
        ),
    ],
)  # fmt: skip
def test_one_word_stands_for_an_event(
    actions: Actions, before: list[Told], after: list[Told], standing: list[tuple[Any, ...]], rules: list[tuple[str, str]]
) -> None:
    actions.tell(*before)
    actions.tell(*after)
    assert actions.stand() == standing
    assert [(rule, provider) for rule, provider, _, _ in actions.notes()] == rules


def test_a_word_that_was_changed_is_kept_as_it_was(actions: Actions) -> None:
    actions.tell(told())
    actions.tell(told(price_factor=0.1, volume_factor=10.0, ratio=10.0))
    ((rule, _, run_id, raw),) = actions.notes()
    assert (rule, run_id) == ("action_replaced", "second")
    row = json.loads(raw)
    assert (row["price_factor"], row["run_id"], row["known_at"]) == (0.2, "first", "2026-11-18 11:05:00+00:00")


def test_a_contradiction_is_noted_once_with_both_words_and_again_when_it_is_another_one(actions: Actions) -> None:
    actions.tell(told())
    for contradiction in (HALVED, HALVED, told(price_factor=0.1, volume_factor=10.0, ratio=10.0, **YAHOO)):
        actions.tell(contradiction)
    stands = "but kis tells price factor 0.2 and volume factor 5, which stands"
    assert actions.make.ask(actions.store, "SELECT rule, ticker, date, reason FROM quarantine ORDER BY reason") == [
        ("action_contradicted", "005930", dt.date.fromisoformat(EX), f"split of {EX} (test): price factor {words}, {stands}")
        for words in ("0.1 and volume factor 10", "0.5 and volume factor 2")
    ]
    assert {json.loads(raw)["price_factor"] for *_, raw in actions.notes()} == {0.1, 0.5}


def test_actions_of_another_region_are_refused_with_the_whole_batch(actions: Actions, make: SimpleNamespace) -> None:
    with pytest.raises(StoreError, match="region KR holds rows of region KR, US"):
        actions.tell(told(), told(region="US"), bars=(make.bar(EX),))
    assert make.ask(actions.store, "SELECT count(*) FROM ohlcv_data") == [(0,)]


@pytest.mark.parametrize(
    ("closes", "looked", "suspect"),
    [
        pytest.param((1_000, 200), None, False, id="the closes show it"),
        pytest.param((1_000, 270), None, False, id="and a move at the limit"),
        pytest.param((1_000, 990), None, True, id="the closes do not show it"),
        pytest.param((200, 198), EX, False, id="the closes contain it"),
        pytest.param((1_000, 198), EX, True, id="they should contain it and do not"),
        pytest.param((1_000, 198), "2026-11-17", False, id="they are from before it"),
    ],
)
def test_an_event_that_the_closes_around_it_contradict_is_suspect(
    actions: Actions, make: SimpleNamespace, closes: tuple[float, float], looked: str | None, suspect: bool
) -> None:
    basis = {} if looked is None else {"basis": "split_adjusted", "adjusted_through": dt.date.fromisoformat(looked)}
    later = {**basis, "adjusted_through": dt.date(2026, 11, 20)} if basis else {}
    bars = (make.bar("2026-11-17", closes[0], **basis), make.bar("2026-11-19", closes[1], **later))
    actions.tell(told(), bars=bars)
    assert [rule for rule, *_ in actions.notes()] == ["corporate_action_suspect"] * suspect
    assert actions.stand() == [FIRST_SPLIT]


def test_the_same_values_of_a_later_look_are_no_revision(actions: Actions, make: SimpleNamespace) -> None:
    def looked(date: str, close: float = 100.0) -> dict[str, Any]:
        return make.bar("2026-11-17", close, basis="split_adjusted", adjusted_through=dt.date.fromisoformat(date))

    actions.tell(bars=(looked("2026-11-17"),))
    actions.tell(bars=(looked("2026-11-18"),))
    stands = "SELECT close, adjusted_through::VARCHAR FROM ohlcv_data"
    assert make.ask(actions.store, stands) == [(100.0, "2026-11-17")]
    actions.tell(bars=(looked("2026-11-19", 20.0),))
    assert make.ask(actions.store, stands) == [(20.0, "2026-11-19")]
    assert make.ask(actions.store, "SELECT close, adjusted_through::VARCHAR FROM ohlcv_revisions") == [(100.0, "2026-11-17")]


ADJUSTED = "SELECT round(close, 6), volume FROM ohlcv_adjusted ORDER BY date"


def test_raw_bars_and_the_event_of_their_base_give_an_even_series(actions: Actions, make: SimpleNamespace) -> None:
    """KIS: five for one on the third day, rights on the fourth."""
    days = ("2026-11-16", "2026-11-17", EX, "2026-11-19")
    closes = (1_000, 1_010, 200, 180)
    rights = told("rights", days[3], price_factor=0.9, in_split_adjusted=False)
    actions.tell(told(), rights, bars=tuple(make.bar(day, close) for day, close in zip(days, closes, strict=True)))
    assert make.ask(actions.store, ADJUSTED) == [(180.0, 5000), (181.8, 5000), (180.0, 1000), (180.0, 1000)]


def test_a_split_that_came_after_a_series_was_fetched_is_applied_to_what_stands(
    actions: Actions, make: SimpleNamespace
) -> None:
    """Yahoo: three bars of before; the night of the split brings it, its bar, and the last old one rescaled."""

    def bar(date: str, close: float, looked: str, **values: Any) -> dict[str, Any]:
        through = dt.date.fromisoformat(looked)
        return make.bar(date, close, basis="split_adjusted", adjusted_through=through, provider="yfinance", **values)

    before = [bar(day, 1_000.0, "2026-11-17") for day in ("2026-11-13", "2026-11-16", "2026-11-17")]
    actions.tell(bars=tuple(before))
    assert make.ask(actions.store, ADJUSTED) == [(1_000.0, 1000)] * 3
    night = (bar("2026-11-17", 200.0, EX, volume=5_000), bar(EX, 202.0, EX, volume=5_100))
    actions.tell(told(**YAHOO), bars=night)
    assert make.ask(actions.store, ADJUSTED) == [(200.0, 5000), (200.0, 5000), (200.0, 5000), (202.0, 5100)]
    assert actions.notes() == []


def test_cash_is_as_announced_whatever_split_came_later(actions: Actions, make: SimpleNamespace) -> None:
    """100 a share before five for one: of a close of 1,000 that stands as 200 in a series that contains the split."""
    through = dt.date(2026, 11, 20)
    days = ("2026-11-16", "2026-11-17", EX)
    bars = tuple(make.bar(day, 200.0, basis="split_adjusted", adjusted_through=through) for day in days)
    actions.tell(told(**YAHOO), paid(100.0, ex_date="2026-11-17", **YAHOO), bars=bars)
    total = "SELECT round(close, 6) FROM ohlcv_total_return ORDER BY date"
    assert make.ask(actions.store, total) == [(180.0,), (200.0,), (200.0,)]
