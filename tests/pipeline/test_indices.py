"""Index levels that can't be: a level of another unit is refused, what is stored stays, and the same command heals."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from adapters.sandbox import control
from pipeline.collect.indices import judged

NightHome = Callable[..., tuple[Any, Any]]

INDEX_TR = {"KR": "FHKUP03500100", "US": "FHKST03030100"}
#: Tuesday 2026-11-24, 21:00 in Seoul: Korea has two new sessions since the first night.
LATER = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
FIRST = dt.date(2026, 11, 2)


def series(*closes: float, first: dt.date = FIRST) -> pl.DataFrame:
    """One level a day from `first` on."""
    days = [first + dt.timedelta(days=number) for number in range(len(closes))]
    return pl.DataFrame({"date": days, "close": list(closes)}, schema={"date": pl.Date, "close": pl.Float64})


NOTHING = series()


def good(levels: pl.DataFrame, stored: pl.DataFrame) -> list[float]:
    return judged(levels, stored).filter(pl.col("reason").is_null())["close"].to_list()


# what is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "stored", "kept"),
    [
        pytest.param((10, 11, 12), (), [10, 11, 12], id="no jump and nothing stored"),
        pytest.param((10, 49.9), (), [10, 49.9], id="less than five times is no jump"),
        pytest.param((10, 11, 55), (), [10, 11], id="five times is a jump"),
        pytest.param((55, 11, 12), (), [11, 12], id="a fifth is a jump"),
        pytest.param((1000, 1100, 10, 11, 12), (), [10, 11, 12], id="the longest stretch is kept"),
        pytest.param((10, 11, 1000, 1100), (), [1000, 1100], id="the newest of equally long ones"),
        pytest.param((10, 11, 1000, 12, 13, 14), (), [12, 13, 14], id="what lies beyond a refused level is refused with it"),
        pytest.param((10, 11, 1000, 1100, 1200), (10,), [10, 11], id="what is stored outweighs the longer stretch"),
        pytest.param((1000, 1100), (10,), [], id="all of an answer in another unit than what is stored"),
        pytest.param((10, 1100, 12), (10, 11, 12), [10, 12], id="a stored level between others stays"),
        pytest.param((10, 1100, 12, 13), (10, 11), [10, 12, 13], id="a level after one that stands needs no hole"),
        pytest.param((10, 1100, 12), (10,), [10], id="a level after a hole waits until the hole is filled"),
        pytest.param((10, 11, 60), (10, 11, 12), [10, 11], id="the newest differs from what is stored"),
        pytest.param((), (10,), [], id="no levels"),
        pytest.param((0, 10), (), [10], id="zero fits nothing"),
    ],
)
def test_levels_that_fit_are_kept(levels: tuple[float, ...], stored: tuple[float, ...], kept: list[float]) -> None:
    assert good(series(*levels), series(*stored)) == kept


def test_the_level_stored_before_the_answer_judges_its_beginning() -> None:
    assert good(series(1000, 1100, first=dt.date(2026, 11, 3)), series(10)) == []


def test_older_levels_are_judged_by_the_stored_ones_they_run_into() -> None:
    stored = series(12, 13, first=dt.date(2026, 11, 4))
    assert good(series(1000, 1100, 12, 13), stored) == [12, 13]


def test_older_levels_alone_are_judged_by_the_stored_one_after_them() -> None:
    assert good(series(1000, 1100), series(12, first=dt.date(2026, 11, 4))) == []


def test_a_drift_over_years_is_no_jump() -> None:
    levels = [100 * 1.5**number for number in range(12)]
    assert good(series(*levels), series(100)) == levels


def test_a_refused_level_names_both_values_and_dates() -> None:
    frame = judged(series(10, 11, 1200), NOTHING)
    assert frame.select("date", "reason", "against", "against_close").rows() == [
        (dt.date(2026, 11, 2), None, None, None),
        (dt.date(2026, 11, 3), None, None, None),
        (
            dt.date(2026, 11, 4),
            "close 1200 on 2026-11-04 does not fit 11, in the same answer for 2026-11-03",
            None,
            None,
        ),
    ]


def test_a_stored_level_that_contradicts_is_named() -> None:
    frame = judged(series(1000), series(10))
    assert frame.select("reason", "against", "against_close").rows() == [
        ("close 1000 on 2026-11-02 does not fit 10, stored for 2026-11-02", FIRST, 10.0)
    ]


# whole nights -------------------------------------------------------------------------------------------------------------


def later(home: Any, server: Any) -> None:
    control.set_clock(server.url, LATER)
    shutil.rmtree(home.state_dir / "tokens", ignore_errors=True)


def levels(home: Any) -> pl.DataFrame:
    found: pl.DataFrame = home.table("index_bars").drop("run_id", "known_at").sort("index_code", "date")
    return found


@pytest.mark.parametrize("region", ["KR", "US"])
def test_hundredfold_levels_do_not_replace_stored_ones_and_the_next_run_heals(region: str, night_home: NightHome) -> None:
    clean, steady = night_home("clean", regions=(region,), tickers=1)
    home, server = night_home(regions=(region,), tickers=1)
    for one, its in ((clean, steady), (home, server)):
        assert one.inside("nightly", region).code == 0
        later(one, its)
    assert clean.inside("nightly", region).code == 0
    before = levels(home)
    control.set_fault(server.url, kind="times_100", tr=INDEX_TR[region], seconds=600)

    bent = home.inside("nightly", region)

    assert (bent.code, bent.row["status"]) == (0, "complete")
    assert levels(home).equals(before)
    kept = home.table("quarantine").sort("ticker", "date")
    codes = before["index_code"].unique().sort().to_list()
    newest = levels(clean).join(before, on=["index_code", "date"], how="anti")
    overlap = before.group_by("index_code").agg(pl.col("date").max())
    wanted = pl.concat([newest.select("index_code", "date"), overlap]).sort("index_code", "date")
    assert kept.select("ticker", "date").rows() == wanted.rows()
    assert set(kept["rule"]) == {"index_jump"}
    assert set(kept["run_id"]) == {bent.row["run_id"]}
    assert {json.loads(raw)["index_code"] for raw in kept["raw"]} == set(codes)
    notes = bent.row["notes"]
    assert sorted(note.split(":")[0] for note in notes) == [f"index {code}" for code in codes]
    assert all("levels refused (index_jump)" in note and "is stored as" in note for note in notes)
    told = home.inside("sql", "refused")
    assert (told.code, codes[0] in told.out) == (0, True)

    control.clear_faults(server.url)
    healed = home.inside("nightly", region)

    assert (healed.code, healed.row["notes"]) == (0, [])
    assert levels(home).equals(levels(clean))
    assert home.table("quarantine").height == kept.height


@pytest.mark.parametrize("page", [0, 1, 2])
def test_one_hundredfold_page_of_a_first_night_leaves_no_wrong_level_and_heals(page: int, night_home: NightHome) -> None:
    """150 sessions are three pages of the first index."""
    environment = {"SPOCK_COLLECT__INITIAL_SESSIONS": "150"}
    clean, _ = night_home("clean", environment, tickers=1)
    home, server = night_home("bent", environment, tickers=1)
    assert clean.inside("nightly", "KR").code == 0
    control.set_fault(server.url, kind="times_100", tr=INDEX_TR["KR"], count=1, after=page)

    bent = home.inside("nightly", "KR")

    wrong = levels(home).join(levels(clean), on=levels(clean).columns, how="anti", nulls_equal=True)
    assert (bent.code, home.table("quarantine").is_empty()) == (0, False)
    assert wrong.is_empty()
    healed = home.inside("nightly", "KR")
    assert (healed.code, healed.row["notes"]) == (0, [])
    assert levels(home).equals(levels(clean))


@pytest.mark.parametrize("kind", ["stale", "repeat"])
@pytest.mark.parametrize("region", ["KR", "US"])
def test_an_index_without_its_newest_level_is_asked_again_by_the_same_command(
    region: str, kind: str, night_home: NightHome
) -> None:
    home, server = night_home(regions=(region,), tickers=1)
    control.set_fault(server.url, kind=kind, tr=INDEX_TR[region], count=1)
    assert home.inside("nightly", region).code == 0
    before = levels(home).group_by("index_code").len()["len"].to_list()
    control.clear_report(server.url)

    again = home.inside("nightly", region)

    assert sorted(before)[0] == 29
    assert (again.code, again.row["notes"]) == (0, [])
    assert control.report(server.url)["by_tr"] == {INDEX_TR[region]: 1}
    assert set(levels(home).group_by("index_code").len()["len"]) == {30}
    assert home.table("quarantine")["rule"].to_list() == (["repeated_row"] if kind == "repeat" else [])


def test_a_hole_between_levels_is_asked_for_and_only_that(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    before = levels(home)
    with home.store.write() as connection:
        connection.execute("DELETE FROM index_bars WHERE index_code = 'KOSPI' AND date BETWEEN '2026-11-02' AND '2026-11-04'")
    control.clear_report(server.url)

    done = home.inside("backfill", "KR", "--days", "30")

    assert (done.code, done.row["notes"]) == (0, []), done.out
    assert levels(home).equals(before)
    assert control.report(server.url)["by_tr"] == {INDEX_TR["KR"]: 1}
