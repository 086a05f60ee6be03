"""The adapter against the project's own KIS over real HTTP: whole walks, limits, faults, real CSVs."""

from __future__ import annotations

import csv
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.base import Instrument
from adapters.kis import KisAdapter, open_adapter
from adapters.sandbox import control
from adapters.sandbox.server import Sandbox
from pipeline import universe
from pipeline.calendars import calendar
from pipeline.errors import Unavailable, Unsupported
from pipeline.settings import clear_cache, get_config

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
END = dt.date(2026, 11, 20)
CSVS = Path(__file__).parents[4] / "shared" / "data" / "ohlcv"
SAMSUNG = Instrument("KR", "005930", "XKRX", "KRW")


@pytest.fixture
def run(settings_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., KisAdapter]]:
    """`run(sandbox, region="KR")`: an adapter opened as the commands open it, pointed at a sandbox by the environment."""
    opened: list[KisAdapter] = []

    def open_on(sandbox: Sandbox, region: str = "KR", **env: str) -> KisAdapter:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
        for name, value in {"SPOCK_TRANSPORT__READ_TIMEOUT": "1", **env}.items():
            monkeypatch.setenv(name, value)
        clear_cache()
        opened.append(open_adapter(get_config(region)))
        return opened[-1]

    yield open_on
    for adapter in opened:
        adapter.close()
    clear_cache()


def test_a_generated_market_is_read_whole(run: Callable[..., KisAdapter]) -> None:
    # The seventh is the first of KOSDAQ.
    with Sandbox(regions=("KR",), tickers=7, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox)
        universe = adapter.universe("KR")
        assert universe.refused.height == 0
        assert {"005930", "000660"} <= set(universe.instruments["ticker"])
        assert set(universe.instruments["venue"]) == {"XKRX", "XKOS"}

        days = calendar("XKRX").window(300, END)
        history = adapter.history(SAMSUNG, days[0], END)
        assert history.bars["date"].to_list() == days
        assert (history.refused.height, history.exhausted, history.pages) == (0, True, 3)
        assert history.bars["basis"].unique().to_list() == ["raw"]

        for index in ("KOSPI", "KOSDAQ"):
            levels = adapter.index("KR", index, days[0], END)
            assert levels.bars["date"].to_list() == days
            assert (levels.refused.height, levels.pages) == (0, 6)
        listing = adapter.listing(Instrument("KR", "005930", "XKRX", "KRW"))
        assert (listing.listed_until, listing.halted) == (None, False)

        report = control.report(sandbox.url)
        assert report["tokens"] == {"issued": 1, "repeated": 0, "refused": 0}
        # Each page once: three of bars, twice six of levels, one listing.
        assert report["by_tr"] == {"FHKST03010100": 3, "FHKUP03500100": 12, "CTPF1002R": 1} | {
            name: count for name, count in report["by_tr"].items() if name in ("tokenP", "master")
        }


def test_eight_threads_keep_the_limits_of_the_host(run: Callable[..., KisAdapter]) -> None:
    with Sandbox(regions=("KR",), tickers=12, now=NOW) as sandbox:
        adapter = run(sandbox)
        start = calendar("XKRX").window(60, END)[0]
        done: list[int] = []

        def ask() -> None:
            for _ in range(5):
                done.append(adapter.history(SAMSUNG, start, END).bars.height)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [60] * 40
        report = control.report(sandbox.url)
        assert report["violations"] == {"per_second": 0, "per_minute": 0, "token": 0}
        assert (report["largest_1s"] <= 18, report["refused"], adapter.sent) == (True, 0, 41)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_500", "count": 2},
        {"kind": "rate_limit", "count": 2},
        {"kind": "cut", "count": 1},
        {"kind": "bad_json", "count": 1},
        {"kind": "empty_body", "count": 1},
        {"kind": "empty", "count": 1},
        {"kind": "silence", "count": 1, "delay": 2},
        {"kind": "token_expired", "count": 1},
        {"kind": "dead", "count": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_a_fault_on_the_way_changes_nothing(run: Callable[..., KisAdapter], fault: dict[str, object]) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox)
        days = calendar("XKRX").window(150, END)
        control.set_fault(sandbox.url, **fault)
        history = adapter.history(SAMSUNG, days[0], END)
        assert history.bars["date"].to_list() == days
        assert (history.refused.height, history.exhausted) == (0, True)


def test_a_region_whose_history_is_not_asked_for_leaves_the_others_alone(run: Callable[..., KisAdapter]) -> None:
    """Regions have transactions of their own, so one that fails says nothing about the other."""
    env = {"SPOCK_TRANSPORT__BREAKER_FAILURES": "2", "SPOCK_TRANSPORT__BREAKER_SECONDS": "3600"}
    env |= {"SPOCK_TRANSPORT__ATTEMPTS": "2", "SPOCK_TRANSPORT__BACKOFF_BASE": "0.01"}
    with Sandbox(tickers=12, enforce_limits=False, now=NOW) as sandbox:
        us, kr = run(sandbox, "US", **env), run(sandbox, "KR", **env)
        day = calendar("XNYS").window(2, END)[0]
        control.set_fault(sandbox.url, kind="http_500", tr="HHDFS76240000", count=1_000)
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                us.history(Instrument("US", "AAPL", "XNAS", "USD"), day, day)
        assert "not asked, the last requests failed" in str(caught.value)

        assert kr.history(SAMSUNG, day, day).bars.height == 1
        by_tr = control.report(sandbox.url)["by_tr"]
        assert (by_tr["HHDFS76240000"], by_tr["FHKST03010100"]) == (2, 1)


def test_another_tickers_bars_are_refused(run: Callable[..., KisAdapter]) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox)
        control.set_fault(sandbox.url, kind="wrong_ticker", count=1)
        history = adapter.history(SAMSUNG, END - dt.timedelta(days=10), END)
        assert history.bars.height == 0
        assert history.refused["rule"].unique().to_list() == ["wrong_ticker"]


def test_a_code_that_is_not_listed_has_no_rows_and_no_listing(run: Callable[..., KisAdapter]) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox)
        history = adapter.history(Instrument("KR", "999999", "XKRX", "KRW"), END, END)
        assert (history.bars.height, history.refused.height, history.exhausted) == (0, 0, True)
        with pytest.raises(Unavailable, match="999999"):
            adapter.listing(Instrument("KR", "999999", "XKRX", "KRW"))


def test_a_token_outlived_by_the_sandboxs_clock_is_replaced(run: Callable[..., KisAdapter]) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox)
        day = calendar("XKRX").window(2, END)[0]
        assert adapter.history(SAMSUNG, day, day).bars.height == 1
        control.set_clock(sandbox.url, NOW + dt.timedelta(days=2))
        assert adapter.history(SAMSUNG, day, day).bars.height == 1


def test_a_paper_account_keeps_to_what_paper_offers(run: Callable[..., KisAdapter]) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox, SPOCK_PROVIDERS__KIS__ACCOUNT="paper")
        day = calendar("XKRX").window(2, END)[0]
        assert adapter.history(SAMSUNG, day, day).bars.height == 1
        with pytest.raises(Unsupported):
            adapter.listing(Instrument("KR", "005930", "XKRX", "KRW"))


def test_keys_that_are_missing_are_named(settings_home: Path) -> None:
    clear_cache()
    with pytest.raises(Unavailable, match=r"KIS_APP_KEY and KIS_APP_SECRET not set: .*\.env"):
        open_adapter(get_config("KR"))


def test_a_sandbox_that_is_not_there_is_told(settings_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("KR",), tickers=2, now=NOW) as sandbox:
        url = sandbox.url
    monkeypatch.setenv("SPOCK_SANDBOX_URL", url)
    clear_cache()
    with pytest.raises(Unavailable, match="no sandbox answers"):
        open_adapter(get_config("KR"))


#: The venues a market of 120 names has, and what of it KIS has no product information for: Chinese lines in foreign money.
OVERSEAS = {
    "US": ({"XNYS", "XNAS", "XASE"}, set()),
    "CN": ({"XSHG", "XSHE"}, {"USD", "HKD"}),
    "HK": ({"XHKG"}, set()),
    "JP": ({"XTKS"}, set()),
    "VN": ({"XSTC", "XHNX"}, set()),
}


@pytest.mark.parametrize("region", sorted(OVERSEAS))
def test_a_generated_market_overseas_is_read_whole(run: Callable[..., KisAdapter], region: str) -> None:
    venues, untold = OVERSEAS[region]
    with Sandbox(regions=(region,), tickers=120, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox, region)
        config = get_config(region)
        listed = adapter.universe(region)
        assert (listed.refused.height, listed.unvalued, set(listed.instruments["venue"])) == (0, "", venues)

        assert (listed.members is None) == (config.universe.members is None)
        followed = universe.follow(listed.instruments, config, members=listed.members).instruments.filter("followed")
        assert set(config.banks) <= set(followed["ticker"])
        assert set(followed["currency"]) == {config.currency}
        # All are worth something, none is below the rule's floor.
        assert followed["value"].min() >= (config.universe.min_value or 1)

        calendars = {venue.mic: calendar(venue.calendar) for venue in config.venues}
        for mic in venues:
            ticker = next(ticker for ticker in sorted(followed.filter(venue=mic)["ticker"]))
            days = calendars[mic].window(120, END - dt.timedelta(days=1))
            history = adapter.history(Instrument(region, ticker, mic, config.currency), days[0], days[-1])
            found = history.bars["date"].to_list()
            assert (found, history.refused.height, history.exhausted) == (days[-len(found) :], 0, True)

        told = listed.instruments.filter(~listed.instruments["currency"].is_in(untold)).group_by("venue", "currency").first()
        for ticker, mic, currency in told.select("ticker", "venue", "currency").rows():
            assert adapter.listing(Instrument(region, ticker, mic, currency)).ticker == ticker


#: Regions whose files carry the dust of adjusting in binary (995.599976), and how many decimals KIS writes there (column zdiv
#: of its lists). The files of the other regions come back to the last digit.
DUSTY = {"US": 4, "HK": 3, "JP": 1}


@pytest.mark.skipif(not CSVS.exists(), reason="the real CSVs are not beside this checkout")
@pytest.mark.parametrize("region", ["KR", "US", "CN", "HK", "JP", "VN"])
def test_every_row_of_the_real_csvs_comes_back_equal(run: Callable[..., KisAdapter], region: str) -> None:
    def price(text: str) -> float:
        return round(float(text), DUSTY[region]) if region in DUSTY else float(text)

    with Sandbox(regions=(region,), data=CSVS, enforce_limits=False, now=NOW) as sandbox:
        adapter = run(sandbox, region)
        listed = {ticker: mic for ticker, mic in adapter.universe(region).instruments.select("ticker", "venue").rows()}
        files = sorted((CSVS / region).glob("*.csv"))
        assert {path.stem for path in files} == listed.keys()
        for path in files:
            with path.open(encoding="utf-8", newline="") as file:
                rows = [
                    (
                        dt.date.fromisoformat(row["date"]),
                        *(price(row[name]) for name in ("open", "high", "low", "close")),
                        int(float(row["volume"])),
                    )
                    for row in csv.DictReader(file)
                ]
            instrument = Instrument(region, path.stem, listed[path.stem], get_config(region).currency)
            history = adapter.history(instrument, rows[0][0] - dt.timedelta(days=30), END)
            assert history.refused.height == 0
            assert history.exhausted
            columns = ("date", "open", "high", "low", "close", "volume")
            assert history.bars.select(columns).rows() == rows
            assert adapter.listing(instrument).listed_until is not None
