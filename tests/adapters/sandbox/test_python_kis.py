"""python-kis, unmodified but for its address, works against the sandbox (it was never written for it)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import date

import pytest

from adapters.sandbox.control import APP_KEY, APP_SECRET
from adapters.sandbox.server import Sandbox
from pipeline.calendars import calendar

pytest.importorskip("pykis")


@pytest.fixture
def kis_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """A python-kis client of the sandbox at a URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pykis
        import pykis.kis

    def build(url: str) -> object:
        monkeypatch.setattr(pykis.kis, "REAL_DOMAIN", url)
        monkeypatch.setattr(pykis.kis, "VIRTUAL_DOMAIN", url)
        return pykis.PyKis(
            id="someone",
            account="12345678-01",
            appkey=APP_KEY,
            secretkey=APP_SECRET,
            keep_token=False,
            use_websocket=False,
        )

    return build


def test_two_pages_of_a_chart_come_back_whole(start: Callable[..., Sandbox], kis_of: Callable[[str], object]) -> None:
    from pykis.api.stock.daily_chart import domestic_daily_chart

    kis = kis_of(start().url)
    chart = domestic_daily_chart(kis, "005930", start=date(2026, 3, 2), end=date(2026, 11, 20), adjust=True)  # type: ignore[arg-type]
    sessions = calendar("XKRX").sessions(date(2026, 3, 2), date(2026, 11, 20))
    assert len(sessions) > 100
    assert [bar.time.date() for bar in chart.bars] == sessions
    close_sessions(kis)


@pytest.mark.parametrize(
    ("region", "code", "market", "venue"),
    [
        ("US", "AAPL", "NASDAQ", "XNYS"),
        ("CN", "601398", "SSE", "XSHG"),
        ("HK", "00005", "HKEX", "XHKG"),
        ("JP", "8306", "TYO", "XTKS"),
        ("VN", "VCB", "HSX", "XSTC"),
    ],
)
def test_two_pages_of_an_overseas_chart_come_back_whole(
    start: Callable[..., Sandbox], kis_of: Callable[[str], object], region: str, code: str, market: str, venue: str
) -> None:
    from pykis.api.stock.daily_chart import foreign_daily_chart

    kis = kis_of(start(regions=(region,)).url)
    begin, end = date(2026, 3, 2), date(2026, 11, 19)
    chart = foreign_daily_chart(kis, code, market, start=begin, end=end)  # type: ignore[arg-type]
    sessions = calendar(venue).sessions(begin, end)
    assert len(sessions) > 100
    assert [bar.time.date() for bar in chart.bars] == sessions
    assert all(bar.low <= bar.close <= bar.high for bar in chart.bars if bar.volume)
    close_sessions(kis)


def test_an_unknown_symbol_is_its_not_found_error(
    start: Callable[..., Sandbox], kis_of: Callable[[str], object]
) -> None:
    from pykis.api.stock.daily_chart import foreign_daily_chart
    from pykis.responses.exceptions import KisNotFoundError

    kis = kis_of(start(regions=("US",)).url)
    with pytest.raises(KisNotFoundError):
        foreign_daily_chart(kis, "AAPL", "NYSE", start=date(2026, 11, 2), end=date(2026, 11, 19))  # type: ignore[arg-type]
    close_sessions(kis)


def test_an_unknown_code_is_its_not_found_error(start: Callable[..., Sandbox], kis_of: Callable[[str], object]) -> None:
    from pykis.api.stock.daily_chart import domestic_daily_chart
    from pykis.client.exceptions import KisAPIError
    from pykis.responses.exceptions import KisNotFoundError

    kis = kis_of(start().url)
    with pytest.raises((KisAPIError, KisNotFoundError)):
        domestic_daily_chart(kis, "999999", start=date(2026, 11, 2), end=date(2026, 11, 20))  # type: ignore[arg-type]
    close_sessions(kis)


def test_a_quote_and_the_name_of_a_stock_come_back(
    start: Callable[..., Sandbox], kis_of: Callable[[str], object]
) -> None:
    kis = kis_of(start().url)
    stock = kis.stock("005930")  # type: ignore[attr-defined]
    quote = stock.quote()
    assert (stock.info.name, quote.name, quote.market) == ("삼성전자", "삼성전자", "KRX")
    assert quote.low <= quote.price <= quote.high
    close_sessions(kis)


def close_sessions(kis: object) -> None:
    for session in kis._sessions.values():  # type: ignore[attr-defined]
        session.close()
