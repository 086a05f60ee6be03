"""Folders of bars of every region: what a file is called, where it is listed, in what it is quoted."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.sandbox.regions import PROFILES
from adapters.sandbox.replay import ReplayMarket
from pipeline.errors import UsageError

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "ohlcv"
HEADER = "date,open,high,low,close,volume\n"
FIRST, LAST = date(2000, 1, 1), date(2027, 12, 31)
#: Saturday 2026-11-28 in UTC.
AFTER = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)


def one_file(tmp_path: Path, region: str, stem: str, row: str = "2026-11-27,84.30,85.4,84,85.105,1000") -> ReplayMarket:
    """A folder with one ticker of one row."""
    (tmp_path / region).mkdir(exist_ok=True)
    (tmp_path / region / f"{stem}.csv").write_text(f"{HEADER}{row}\n", encoding="utf-8")
    return ReplayMarket(tmp_path, region)


@pytest.mark.parametrize(
    ("region", "stem", "code", "venue", "currency", "lot"),
    [
        ("CN", "600519", "600519", "XSHG", "", 100),
        ("CN", "900901", "900901", "XSHG", "", 100),
        ("CN", "000001", "000001", "XSHE", "", 100),
        ("CN", "302132", "302132", "XSHE", "", 100),
        ("HK", "00700", "00700", "XHKG", "", 100),
        ("JP", "285A", "285A", "XTKS", "", 100),
        ("JP", "25935", "25935", "XTKS", "", 100),
        ("VN", "fpt", "FPT", "XSTC", "", 100),
        ("AU", "CBA", "CBA", "XASX", "", 1),
        ("UK", "LLOY", "LLOY", "XLON", "GBp", 1),
        ("UK", "BP.", "BP.", "XLON", "GBp", 1),
        ("UK", "BT.A", "BT.A", "XLON", "GBp", 1),
        ("EU", "SAN", "SAN", "XPAR", "", 1),
        ("EU", "SAN_XMAD", "SAN:XMAD", "XMAD", "", 1),
        ("EU", "SIE", "SIE", "XETR", "", 1),
        ("EU", "ASML", "ASML", "XAMS", "", 1),
    ],
)
def test_a_file_is_a_listing_of_the_venue_its_ticker_tells(
    tmp_path: Path, region: str, stem: str, code: str, venue: str, currency: str, lot: int
) -> None:
    market = one_file(tmp_path, region, stem)
    (name,) = market.names(AFTER)
    assert (name.code, name.name, name.venue, name.currency, name.lot, name.group) == (code, code, venue, currency, lot, "2")
    (bar,) = market.bars(code, FIRST, LAST, AFTER)
    assert [str(number) for number in bar[1:7]] == ["84.30", "85.4", "84", "85.105", "1000", "85105"]
    assert (market.steps(code, AFTER), market.dividends(code, AFTER)) == ([], [])
    assert market.calendar_of(venue).mic == PROFILES[region].venues[venue]


@pytest.mark.parametrize(
    ("region", "stem", "words"),
    [
        ("CN", "60051", "six digits"),
        ("HK", "700", "five digits"),
        ("JP", "TYO7203", "four characters"),
        ("VN", "FPT1", "three letters"),
        ("AU", "CB", "three to six"),
        ("UK", "LLOYD", "one to four"),
        ("EU", "SAN_MAD", "one to six"),
        ("EU", "SAN_XBRN", "one of XPAR"),
    ],
)
def test_a_file_that_is_named_by_no_ticker_is_refused(tmp_path: Path, region: str, stem: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        one_file(tmp_path, region, stem)


@pytest.mark.parametrize(
    ("region", "stem", "day", "opens", "closes"),
    [
        # Closed days by the calendar, in regular hours: Golden Week, New Year's Day, and a Sunday in Frankfurt's winter.
        ("CN", "600519", "2026-10-05", "2026-10-05T01:30", "2026-10-05T07:00"),
        ("AU", "CBA", "2026-01-01", "2025-12-31T23:00", "2026-01-01T05:00"),
        ("EU", "SIE", "2026-11-22", "2026-11-22T08:00", "2026-11-22T16:30"),
        # Sessions: Hong Kong's half day, Xetra's last one of the year.
        ("HK", "00700", "2026-12-24", "2026-12-24T01:30", "2026-12-24T04:00"),
        ("EU", "DBK", "2026-11-20", "2026-11-20T08:00", "2026-11-20T16:30"),
    ],
)
def test_a_row_shows_from_its_open_on_and_is_whole_at_its_close(
    tmp_path: Path, region: str, stem: str, day: str, opens: str, closes: str
) -> None:
    market = one_file(tmp_path, region, stem, f"{day},10,12,9,11,1000")

    def volumes(text: str, seconds: int) -> list[int]:
        now = datetime.fromisoformat(text).replace(tzinfo=UTC)
        now = datetime.fromtimestamp(now.timestamp() + seconds, UTC)
        return [int(bar.volume) for bar in market.bars(stem, FIRST, LAST, now)]

    assert (volumes(opens, -1), volumes(closes, 0)) == ([], [1000])
    assert 0 <= volumes(closes, -60)[0] < 1000


@pytest.mark.skipif(not REAL.is_dir(), reason="no real bars beside the checkout")
@pytest.mark.parametrize("region", PROFILES)
def test_every_row_of_the_real_files_is_served_as_written(region: str) -> None:
    market = ReplayMarket(REAL, region)
    names = market.names(AFTER)
    assert {name.code for name in names} == {path.stem for path in (REAL / region).glob("*.csv")}
    for name in names:
        with (REAL / region / f"{name.code}.csv").open(encoding="utf-8", newline="") as file:
            expected = [tuple(row) for row in list(csv.reader(file))[1:]]
        bars = market.bars(name.code, FIRST, LAST, AFTER)[::-1]
        assert [tuple(map(str, bar[:6])) for bar in bars] == expected, name.code
