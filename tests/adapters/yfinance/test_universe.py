"""The screener as a region's list: tickers, home lines, how far it is read, the watchlist beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from adapters.yfinance import YfinanceAdapter
from adapters.yfinance.listings import exchanges
from pipeline import settings
from pipeline.errors import Unavailable

Make = Callable[..., YfinanceAdapter]
SCREENER, QUOTE = "/v1/finance/screener", "/v7/finance/quote"


def quote(symbol: str, exchange: str, value: float | None = 1e9, name: str = "", **rest: Any) -> dict[str, Any]:
    """One line of the screener."""
    return {
        "symbol": symbol,
        "exchange": exchange,
        "quoteType": "EQUITY",
        "longName": name or symbol,
        "currency": "EUR",
        "marketCap": value,
        "regularMarketPrice": 10.0,
        "averageDailyVolume3Month": 1_000_000,
        **rest,
    }


Lines = Sequence[Mapping[str, Any]]


def serve(script: Any, lines: Lines, total: int | None = None, known: Lines = ()) -> None:
    """The screener with `lines` in pages of what was asked for, and quotes of `known` symbols."""

    def page(asked: Any) -> Any:
        first, size = asked.body["offset"], asked.body["size"]
        part = list(lines)[first : first + size]
        found = {"start": first, "count": len(part), "total": len(lines) if total is None else total, "quotes": part}
        return 200, {"finance": {"result": [found], "error": None}}

    def quotes(asked: Any) -> Any:
        wanted = asked.params["symbols"].split(",")
        found = [one for one in known if one["symbol"] in wanted]
        return 200, {"quoteResponse": {"result": found, "error": None}}

    script.pages |= {SCREENER: page, QUOTE: quotes}


def test_venues_share_codes_and_the_first_of_settings_keeps_it_bare(script: Any, adapter_of: Make) -> None:
    serve(
        script,
        [
            quote("SAN.MC", "MCE", 3e11, "Banco Santander, S.A."),
            quote("SAN.PA", "PAR", 1e11, "Sanofi", sharesOutstanding=1_250_000_000),
            quote("UBL.AS", "AMS", 5e10, "Unibail-Rodamco-Westfield REIT"),
            quote("VOW3.DE", "GER", 5e10, "Volkswagen AG"),
            quote("VOW.DE", "GER", 5e10, "Volkswagen AG", averageDailyVolume3Month=50_000),
            quote("VOW3.MI", "MIL", 5e10, "Volkswagen AG", averageDailyVolume3Month=900_000),
            quote("NVD.DE", "GER", 4e12, "NVIDIA Corporation", financialCurrency="USD"),
            quote("TTE.PA", "PAR", 1e11, "TotalEnergies SE", financialCurrency="USD", averageDailyVolume3Month=10_000_000),
            quote("EXS1.DE", "GER", None, "A fund of funds", quoteType="ETF"),
        ],
    )
    found = adapter_of("EU").universe("EU")
    assert found.instruments.select("ticker", "venue", "name", "security_type", "currency", "value", "shares").rows() == [
        ("SAN", "XPAR", "Sanofi", "common", "EUR", 1e11, 1_250_000_000),
        ("TTE", "XPAR", "TotalEnergies SE", "common", "EUR", 1e11, None),
        ("UBL", "XAMS", "Unibail-Rodamco-Westfield REIT", "reit", "EUR", 5e10, None),
        ("EXS1", "XETR", "A fund of funds", "etf", "EUR", None, None),
        ("NVD", "XETR", "NVIDIA Corporation", "foreign", "EUR", 4e12, None),
        ("VOW", "XETR", "Volkswagen AG", "common", "EUR", 5e10, None),
        ("VOW3", "XETR", "Volkswagen AG", "common", "EUR", 5e10, None),
        ("VOW3:XMIL", "XMIL", "Volkswagen AG", "foreign", "EUR", 5e10, None),
        ("SAN:XMAD", "XMAD", "Banco Santander, S.A.", "common", "EUR", 3e11, None),
    ]
    assert (found.refused.height, found.unvalued, found.members) == (0, "", None)
    assert set(found.instruments["region"]) == {"EU"}
    assert set(found.instruments["provider"]) == {"yfinance"}


def test_the_screener_is_asked_for_the_venues_own_lines_largest_first(script: Any, adapter_of: Make) -> None:
    serve(script, [quote("BHP.AX", "ASX", currency="AUD")])
    adapter_of("AU").universe("AU")
    (asked,) = [one for one in script.asked if one.path == SCREENER]
    assert asked.method == "POST"
    assert asked.body == {
        **{"offset": 0, "size": 250, "sortField": "intradaymarketcap", "sortType": "DESC", "quoteType": "EQUITY"},
        **{"userId": "", "userIdType": "guid"},
        "query": {
            "operator": "AND",
            "operands": [{"operator": "EQ", "operands": ["region", "au"]}, {"operator": "EQ", "operands": ["exchange", "ASX"]}],
        },
    }
    assert asked.params["crumb"] == "PlantedCrumb"


def test_one_venue_is_read_as_far_as_the_rule_looks_and_the_watchlist_is_asked_for(script: Any, adapter_of: Make) -> None:
    lines = [quote(f"A{n:03d}.AX", "ASX", 1e9 - n, currency="AUD") for n in range(900)]
    known = [quote("BHP.AX", "ASX", 5.0, "BHP Group", currency="AUD"), quote("CBA.AX", "XXX", currency="AUD")]
    serve(script, [dict(one, currency="USD") if n % 2 else one for n, one in enumerate(lines)], known=known)
    found = adapter_of("AU", rule={"top": 200, "buffer": 0.1}).universe("AU")
    offsets = [one.body["offset"] for one in script.asked if one.path == SCREENER]
    assert offsets == [0, 250], "220 lines in the region's currency stand within the first 440"
    assert found.instruments.filter(found.instruments["ticker"] == "BHP").select("name", "value").rows() == [("BHP Group", 5.0)]
    assert found.refused.select("rule", "reason").rows() == [("wrong_venue", "CBA.AX of exchange 'XXX', asked was ASX")]


def test_a_floor_ends_the_sweep(script: Any, adapter_of: Make) -> None:
    serve(script, [quote(f"A{n:03d}.AX", "ASX", 1e9 - n, currency="AUD") for n in range(900)])
    adapter_of("AU", rule={"top": None, "min_value": 1e9 - 400}).universe("AU")
    assert [one.body["offset"] for one in script.asked if one.path == SCREENER] == [0, 250]


@pytest.mark.parametrize("total", [0, 500], ids=["nothing at all", "fewer than it counts"])
def test_a_list_that_is_cut_is_no_universe(script: Any, adapter_of: Make, total: int) -> None:
    serve(script, [quote(f"A{n:03d}.AX", "ASX", currency="AUD") for n in range(260 if total else 0)], total)
    with pytest.raises(Unavailable, match=rf"the screener shows \d+ lines of AU, where it counts {total}"):
        adapter_of("AU", rule={"top": None}).universe("AU")


@pytest.mark.parametrize(
    ("region", "symbol", "exchange", "name", "kind"),
    [
        ("KR", "005935.KS", "KSC", "Samsung Electronics Co., Ltd.", "preferred"),
        ("KR", "365550.KS", "KSC", "ESR Kendall Square REIT Co.,Ltd.", "reit"),
        ("JP", "25935.T", "JPX", "ITO EN, LTD.", "preferred"),
        ("US", "ABR-PD", "NYQ", "Arbor Realty Trust, Inc.", "preferred"),
        ("US", "BRK-B", "NYQ", "Berkshire Hathaway Inc.", "common"),
        ("US", "XYZ-WT", "NYQ", "Xyz Corp.", "warrant"),
        ("US", "XYZ-UN", "NYQ", "Xyz Corp.", "other"),
        ("AU", "CBAPI.AX", "ASX", "Commonwealth Bank of Australia", "other"),
        ("UK", "SMSN.L", "LSE", "Samsung Electronics Co., Ltd. GDR", "depositary_receipt"),
        ("UK", "BP.L", "LSE", "BP p.l.c.", "common"),
    ],
)
def test_codes_and_names_tell_the_security_type(
    script: Any, adapter_of: Make, region: str, symbol: str, exchange: str, name: str, kind: str
) -> None:
    serve(script, [quote(symbol, exchange, name=name)])
    assert adapter_of(region).universe(region).instruments["security_type"].to_list() == [kind]


def test_pounds_are_the_currency_of_pence(script: Any, adapter_of: Make) -> None:
    serve(script, [quote("BP.L", "LSE", 8e10, currency="GBp"), quote("MCRO.L", "LSE", 1e9, currency="USD")])
    rows = adapter_of("UK").universe("UK").instruments.select("ticker", "currency", "value").rows()
    assert rows == [("BP.", "GBP", 8e10), ("MCRO", "USD", 1e9)]


def test_lines_that_cant_be_tickers_are_refused(script: Any, adapter_of: Make) -> None:
    odd: list[Any] = [quote("WAY-TOO-LONG.AX", "ASX"), quote("ABC.NZ", "ASX"), quote("ABC.AX", "ASX", currency=None)]
    serve(script, [quote("BHP.AX", "ASX", currency="AUD"), *odd, quote("", "ASX"), "x"])
    found = adapter_of("AU").universe("AU")
    assert found.instruments["ticker"].to_list() == ["BHP"]
    assert found.refused.select("rule", "reason").rows() == [
        ("unparsable", "'WAY-TOO-LONG' is no ticker of AU"),
        ("unparsable", "'ABC.NZ' does not end with '.AX'"),
        ("unparsable", "ABC.AX has no currency"),
        ("wrong_venue", "a line without a symbol of exchange 'ASX', asked was ASX"),
        ("wrong_venue", "a line without a symbol of exchange None, asked was ASX"),
    ]


def test_every_venue_that_has_a_suffix_has_an_exchange_code_of_yfinances_table() -> None:
    from yfinance.const import EQUITY_SCREENER_EQ_MAP as TABLE

    assert [one for one in exchanges() if one.exchange not in TABLE["exchange"][one.region_key]] == []
    for region in settings.available_regions():
        suffixes = settings.get_config(region).codes["yfinance"]
        assert set(suffixes) == {one.mic for one in exchanges()} & set(suffixes)
