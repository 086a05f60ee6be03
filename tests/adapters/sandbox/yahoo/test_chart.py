"""Yahoo's charts as a client sees them: symbols, rows, events, windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.market import Name
from adapters.sandbox.regions import PROFILES
from adapters.sandbox.yahoo_symbols import kind_of, settings_of, spelled

# ---- what a symbol is ----


@pytest.mark.parametrize(
    ("region", "code", "english", "symbol"),
    [
        ("KR", "005930", "", "005930"),
        ("CN", "600519", "", "600519"),
        ("HK", "00700", "", "0700"),
        ("HK", "00005", "", "0005"),
        ("HK", "80700", "", "80700"),
        ("JP", "285A", "", "285A"),
        ("VN", "FPT", "", "FPT"),
        ("AU", "CBA", "", "CBA"),
        ("US", "AAPL", "APPLE INC", "AAPL"),
        ("US", "BRK/B", "BERKSHIRE HATHAWAY INC", "BRK-B"),
        ("US", "ABR/D", "ARBOR REALTY 6.375% PFD SER D", "ABR-PD"),
        ("US", "ABC/WS", "ABC C/WTS", "ABC-WT"),
        ("UK", "BP.", "", "BP"),
        ("UK", "BT.A", "", "BT-A"),
        ("EU", "SAN", "", "SAN"),
        ("EU", "SAN:XMAD", "", "SAN"),
    ],
)
def test_codes_are_spelled_as_yahoo_does(region: str, code: str, english: str, symbol: str) -> None:
    name = Name(code, code, "", "2", date(2000, 1, 3), None, 1, 0, 1, english=english)
    assert spelled(region, name) == symbol


@pytest.mark.parametrize("region", PROFILES)
def test_every_stock_and_fund_of_a_region_has_a_chart_of_its_own(yahoo: Any, region: str) -> None:
    made, suffixes = yahoo.market(region), settings_of(region).suffixes
    wanted, served = {}, {}
    for name in made.names(yahoo.now)[:50]:
        newest = made.bars(name.code, date.min, date.max, yahoo.now, 1)
        if name.venue in suffixes and kind_of(name) and newest:
            symbol = spelled(region, name) + suffixes[name.venue]
            wanted[symbol] = (name.currency or settings_of(region).currency, yahoo.single(newest[0].close / made.scale))
            status, result = yahoo.chart(symbol, range="1d")
            assert (status, result["meta"]["symbol"]) == (200, symbol)
            served[symbol] = (result["meta"]["currency"], yahoo.single(result["meta"]["regularMarketPrice"]))
    assert len(wanted) > 6
    assert served == wanted


@pytest.mark.parametrize(
    ("symbol", "region", "index", "kind"),
    [
        ("^KS11", "KR", "KOSPI", "INDEX"),
        ("^KQ11", "KR", "KOSDAQ", "INDEX"),
        ("^GSPC", "US", "SPX", "INDEX"),
        ("000300.SS", "CN", "CSI300", "INDEX"),
        ("^HSI", "HK", "HSI", "INDEX"),
        ("1306.T", "JP", "TOPIX", "ETF"),
        ("^VNINDEX.VN", "VN", "VNINDEX", "INDEX"),
        ("^AXJO", "AU", "AXJO", "INDEX"),
        ("^FTSE", "UK", "FTSE", "INDEX"),
        ("^STOXX", "EU", "STOXX", "INDEX"),
    ],
)
def test_every_index_of_the_settings_has_a_chart(yahoo: Any, symbol: str, region: str, index: str, kind: str) -> None:
    result = yahoo.days(symbol, date(2026, 11, 1), date(2026, 11, 21))
    levels = yahoo.market(region).levels(index, date(2026, 11, 1), date(2026, 11, 20), yahoo.now, 100)[::-1]
    assert result["meta"]["instrumentType"] == kind
    assert yahoo.column(result, "close") == [yahoo.single(level.close / 100) for level in levels] != []
    assert yahoo.column(result, "volume") == [level.volume for level in levels]


@pytest.mark.parametrize(
    "symbol", ["NOPE", "005930.KQ", "HXB.VN", "PVS.HN", "^NONE", "0700", "700.HK.HK", "CAAM2345.VN", "SAN.DE", "."]
)
def test_what_yahoo_does_not_list_is_not_found(yahoo: Any, symbol: str) -> None:
    assert yahoo.chart(symbol, range="5d") == (404, ("Not Found", "No data found, symbol may be delisted"))
    assert yahoo.quotes(symbol) == []


def test_a_name_that_is_not_listed_any_more_is_gone(other: Callable[..., Any]) -> None:
    before, after = (datetime(2026, 12, day, 22, tzinfo=UTC) for day in (14, 17))
    assert other(now=before).chart("CDRX", range="5d")[0] == 200
    assert other(now=after).chart("CDRX", range="5d")[0] == 404


# ---- daily rows ----


def test_rows_before_a_split_are_scaled_and_stamped_with_the_open(yahoo: Any) -> None:
    start, until, ex = date(2026, 6, 1), date(2026, 6, 13), date(2026, 6, 8)
    result, raw = yahoo.days("HLVN", start, until), yahoo.bars("US", "HLVN", start, until)
    ratios = [4 if bar.date < ex else 1 for bar in raw]
    opens = [int(yahoo.market("US").calendar.session(bar.date).open.timestamp()) for bar in raw]
    assert result["timestamp"] == opens
    for name in ("open", "high", "low", "close"):
        prices = [yahoo.single(float(getattr(bar, name)) / 10_000 / ratio) for bar, ratio in zip(raw, ratios, strict=True)]
        assert yahoo.column(result, name) == prices
    assert yahoo.column(result, "volume") == [bar.volume * ratio for bar, ratio in zip(raw, ratios, strict=True)]
    at = opens[[bar.date for bar in raw].index(ex)]
    split = {"date": at, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}
    assert result["events"] == {"splits": {str(at): split}}


def test_a_split_that_has_not_come_scales_nothing(other: Callable[..., Any]) -> None:
    start, until = date(2026, 6, 1), date(2026, 6, 13)
    yahoo = other(now=datetime(2026, 6, 5, 22, tzinfo=UTC))
    result = yahoo.days("HLVN", start, until)
    raw = yahoo.bars("US", "HLVN", start, date(2026, 6, 5))
    assert yahoo.column(result, "close") == [yahoo.single(bar.close / 10_000) for bar in raw]
    assert "events" not in result


@pytest.mark.parametrize(
    ("region", "code", "symbol", "ex", "told"),
    [
        ("UK", "AZN", "AZN.L", date(2026, 5, 5), "4:1"),
        ("UK", "QBH", "QBH.L", date(2026, 6, 22), "9:10"),
        ("CN", "002777", "002777.SZ", date(2026, 6, 9), "14937:10000"),
        ("KR", "0606B0", "0606B0.KQ", date(2026, 8, 10), "1:5"),
        ("KR", "0505A0", "0505A0.KS", date(2026, 5, 11), None),  # a rights issue
    ],
)
def test_events_that_change_the_share_count_are_told_as_splits(
    yahoo: Any, region: str, code: str, symbol: str, ex: date, told: str | None
) -> None:
    start = ex - timedelta(days=20)
    result, raw = yahoo.days(symbol, start, ex + timedelta(days=1)), yahoo.bars(region, code, start, ex)
    splits = result.get("events", {}).get("splits", {})
    assert [split["splitRatio"] for split in splits.values()] == ([told] if told else [])
    numerator, denominator = (int(part) for part in (told or "1:1").split(":"))
    first = raw[0].close / yahoo.market(region).scale * denominator / numerator
    assert yahoo.column(result, "close")[0] == pytest.approx(first, rel=1e-7)
    assert yahoo.column(result, "volume")[0] == round(raw[0].volume * numerator / denominator)


def test_dividends_are_told_per_share_of_today_and_adjust_what_is_before_them(yahoo: Any) -> None:
    start, until = date(2026, 3, 2), date(2026, 11, 21)
    result, made = yahoo.days("HLVN", start, until), yahoo.market("US")
    wanted = {}
    for dividend in made.dividends("HLVN", yahoo.now):
        if dividend.ex_date >= start:
            at = int(made.calendar.session(dividend.ex_date).open.timestamp())
            ratio = 4 if dividend.ex_date < date(2026, 6, 8) else 1
            wanted[str(at)] = {"amount": round(float(dividend.amount) / ratio, 6), "date": at}
    assert len(wanted) == 3
    assert result["events"]["dividends"] == wanted
    closes, stamps = yahoo.column(result, "close"), result["timestamp"]
    factors = [1.0] * len(closes)
    for event in wanted.values():
        at = stamps.index(event["date"])
        for row in range(at):
            factors[row] *= 1 - event["amount"] / closes[at - 1]
    adjusted = result["indicators"]["adjclose"][0]["adjclose"]
    assert adjusted == [pytest.approx(close * factor, rel=1e-6) for close, factor in zip(closes, factors, strict=True)]
    assert adjusted[-1] == closes[-1]


def test_events_are_told_only_when_asked_for_and_inside_the_window(yahoo: Any) -> None:
    bounds = {"period1": str(yahoo.seconds(date(2026, 3, 2))), "period2": str(yahoo.seconds(date(2026, 11, 21)))}
    asked = [yahoo.chart("HLVN", **bounds, events=events)[1] for events in ("", "div", "splits", "div|split")]
    assert [sorted(result.get("events", {})) for result in asked] == [
        [], ["dividends"], ["splits"], ["dividends", "splits"]
    ]  # fmt: skip
    assert "events" not in yahoo.days("HLVN", date(2026, 7, 1), date(2026, 7, 4))


@pytest.mark.parametrize(
    ("region", "code", "symbol", "flat"),
    [
        ("US", "MRFD", "MRFD", False),
        ("CN", "002777", "002777.SZ", False),
        ("JP", "3777", "3777.T", False),
        ("KR", "0202B0", "0202B0.KQ", True),
        ("HK", "00977", "0977.HK", True),
        ("AU", "QML", "QML.AX", True),
        ("UK", "QBH", "QBH.L", True),
        ("EU", "QEST", "QEST.LS", True),
    ],
)
def test_a_session_without_a_trade_is_null_or_flat(yahoo: Any, region: str, code: str, symbol: str, flat: bool) -> None:
    raw = yahoo.bars(region, code, date(2026, 10, 1), date(2026, 11, 20))
    result = yahoo.days(symbol, date(2026, 10, 1), date(2026, 11, 21))
    idle = [at for at, bar in enumerate(raw) if not bar.open]
    names = ("open", "high", "low", "close", "volume")
    wanted = []
    for at in idle:
        close = yahoo.single(raw[at].close / yahoo.market(region).scale)
        wanted.append([close, close, close, close, 0] if flat else [None] * 5)
    assert [[yahoo.column(result, name)[at] for name in names] for at in idle] == wanted != []


# ---- windows ----


@pytest.mark.parametrize(
    ("params", "status", "code", "words"),
    [
        ({"range": "7w"}, 422, "Unprocessable Entity", "Invalid input - range=7w is not supported."),
        ({"interval": "1wk"}, 422, "Unprocessable Entity", "Invalid input - interval=1wk is not supported."),
        ({"period1": "x", "period2": "9"}, 422, "Unprocessable Entity", "Invalid input - start date."),
        (
            {"period1": "20", "period2": "20"}, 400, "Bad Request",
            "Invalid input - start date cannot be after end date. startDate = 20, endDate = 20",
        ),
        ({"period1": "0", "period2": "1000"}, 400, "Bad Request", "Data doesn't exist for startDate = 0, endDate = 1000"),
        ({"period1": "1900000000", "period2": "1900000001"}, 400, "Bad Request", "Data doesn't exist for startDate"),
    ],
)  # fmt: skip
def test_windows_that_have_no_answer(yahoo: Any, params: dict[str, str], status: int, code: str, words: str) -> None:
    answer, (told, text) = yahoo.chart("AAPL", **params)
    assert (answer, told, text[: len(words)]) == (status, code, words)


@pytest.mark.parametrize("params", [{"interval": "1h", "range": "5d"}, {}])
def test_a_window_without_rows_has_no_timestamps(yahoo: Any, params: dict[str, str]) -> None:
    weekend = {"period1": str(yahoo.seconds(date(2026, 11, 14))), "period2": str(yahoo.seconds(date(2026, 11, 16)))}
    status, result = yahoo.chart("AAPL", **(params or weekend))
    assert (status, sorted(result)) == (200, ["indicators", "meta"])
    assert result["indicators"] == {"quote": [{}], "adjclose": [{}]}


@pytest.mark.parametrize(
    ("label", "first", "count"),
    [
        ("1d", date(2026, 11, 20), 1),
        ("5d", date(2026, 11, 16), 5),
        ("1mo", date(2026, 10, 20), 24),
        ("3mo", date(2026, 8, 20), 66),
        ("ytd", date(2026, 1, 2), 224),
        ("10y", date(2016, 11, 21), None),
        ("max", date(2015, 1, 2), None),
    ],
)
def test_ranges_are_counted_back_from_today(yahoo: Any, label: str, first: date, count: int | None) -> None:
    status, result = yahoo.chart("AAPL", range=label)
    assert status == 200
    assert datetime.fromtimestamp(result["timestamp"][0], UTC).date() == first
    assert len(result["timestamp"]) == (count or len(yahoo.bars("US", "AAPL", first, date(2026, 11, 20))))
    assert result["meta"]["range"] == label


def test_all_of_time_is_asked_for_without_an_error(yahoo: Any) -> None:
    whole = yahoo.chart("AAPL", period1="-3122064000", period2="9999999999")[1]
    assert whole["timestamp"] == yahoo.chart("AAPL", range="max")[1]["timestamp"]


def test_the_running_session_carries_the_time_and_follows_a_window_that_ends_before_it(other: Callable[..., Any]) -> None:
    noon = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    yahoo = other(now=noon)
    today, before = (int(datetime(2026, 11, day, 14, 30, tzinfo=UTC).timestamp()) for day in (20, 19))
    assert yahoo.days("AAPL", date(2026, 11, 19), date(2026, 11, 20))["timestamp"] == [before, int(noon.timestamp())]
    assert yahoo.days("AAPL", date(2026, 11, 18), date(2026, 11, 19))["timestamp"] == [before - 86_400]
    (live,) = yahoo.bars("US", "AAPL", date(2026, 11, 20), date(2026, 11, 20), noon)
    result = yahoo.days("AAPL", date(2026, 11, 20), date(2026, 11, 21))
    assert yahoo.column(result, "close") == [yahoo.single(live.close / 10_000)]
    assert result["meta"]["regularMarketTime"] == int(noon.timestamp())
    closed = other().days("AAPL", date(2026, 11, 19), date(2026, 11, 21))
    assert closed["timestamp"] == [before, today]


def test_the_meta_of_a_pence_line(yahoo: Any) -> None:
    meta = yahoo.days("LLOY.L", date(2026, 11, 19), date(2026, 11, 21))["meta"]
    raw = yahoo.bars("UK", "LLOY", date(2025, 1, 1), date(2026, 11, 20))
    year, scale = raw[-252:], yahoo.market("UK").scale
    opens, closes = (int(datetime(2026, 11, 20, *at, tzinfo=UTC).timestamp()) for at in ((8, 0), (16, 30)))
    empty, zone = {"timezone": "GMT", "gmtoffset": 0}, "Europe/London"
    assert meta == {
        "currency": "GBp", "symbol": "LLOY.L", "exchangeName": "LSE", "fullExchangeName": "LSE", "instrumentType": "EQUITY",
        "firstTradeDate": int(datetime(2015, 1, 2, 8, 0, tzinfo=UTC).timestamp()), "regularMarketTime": closes,
        "hasPrePostMarketData": False, "gmtoffset": 0, "timezone": "GMT", "exchangeTimezoneName": zone,
        "regularMarketPrice": raw[-1].close / scale,
        "fiftyTwoWeekHigh": max(bar.high for bar in year) / scale,
        "fiftyTwoWeekLow": min(bar.low for bar in year if bar.low) / scale,
        "regularMarketDayHigh": raw[-1].high / scale, "regularMarketDayLow": raw[-1].low / scale,
        "regularMarketVolume": raw[-1].volume, "longName": "LLOYDS BANKING GROUP PLC",
        "shortName": "LLOYDS BANKING GROUP PLC", "chartPreviousClose": raw[-3].close / scale, "priceHint": 2,
        "currentTradingPeriod": {
            "pre": {**empty, "start": opens, "end": opens}, "regular": {**empty, "start": opens, "end": closes},
            "post": {**empty, "start": closes, "end": closes},
        },
        "dataGranularity": "1d", "range": "",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    }  # fmt: skip


def test_numbers_of_a_folder_stand_as_they_are_written(other: Callable[..., Any], tmp_path: Path) -> None:
    rows = ("2026-11-19,30.879999,31.18,30.83,30.879999,5777942", "2026-11-22,4432.5,4550.666016,4400,4439,3489721")
    (tmp_path / "UK").mkdir()
    (tmp_path / "UK" / "AZN.csv").write_text("date,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    yahoo = other(data=tmp_path, regions=("UK",), now=datetime(2026, 11, 23, 22, tzinfo=UTC))
    status, _, text = yahoo.raw("GET", "/v8/finance/chart/AZN.L?range=max")
    result = json.loads(text)["chart"]["result"][0]
    assert status == 200
    assert [[yahoo.column(result, name)[at] for name in ("open", "high", "low", "close", "volume")] for at in (0, 1)] == [
        [30.879999, 31.18, 30.83, 30.879999, 5777942], [4432.5, 4550.666016, 4400, 4439, 3489721]
    ]  # fmt: skip
    assert result["meta"]["currency"] == "GBp"
    days = [datetime.fromtimestamp(at, UTC).isoformat() for at in result["timestamp"]]
    assert days == ["2026-11-19T08:00:00+00:00", "2026-11-22T08:00:00+00:00"]  # the second is a Sunday
    assert yahoo.chart("^FTSE", range="5d")[0] == 404
