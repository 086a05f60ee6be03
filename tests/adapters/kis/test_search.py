"""Market values of US names: a search in pages, each of which may lie, and the universe that is made of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.base import INSTRUMENTS, REFUSED
from adapters.kis import KisAdapter, search
from adapters.kis.search import Valuation
from pipeline.errors import Unavailable

TR = "HHDFS76410000"
SEARCHED = {f"CO_{part}_{name}" for part in ("YN", "ST", "EN") for name in search._CONDITIONS}


def row(symbol: str, place: int, value: Any = "508239862", **fields: Any) -> dict[str, Any]:
    """One name as KIS writes it: `value` in thousands; price times shares is the value."""
    shares = str(int(value) * 10) if str(value).isdecimal() else "3157750000"
    return {
        "rsym": f"DNAS{symbol}",
        "excd": "NAS",
        "symb": symbol,
        "name": "이름",
        "last": "100.0000",
        "tvol": "175862722",
        "valx": value,
        "shar": shares,
        "avol": "28842552711",
        "rank": str(place),
        "ename": "NAME INC",
        "e_ordyn": "○",
        **fields,
    }


def page(rows: list[Any], trec: Any, cont: str = "") -> Any:
    head = {"zdiv": "4", "stat": "무료실시간", "crec": str(len(rows)), "trec": trec, "nrec": str(len(rows))}
    body = {"output1": head, "output2": rows, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}
    return 200, body, {"tr_cont": cont}


def served(rows: list[dict[str, Any]]) -> Callable[[Any], Any]:
    """An honest search: a hundred rows after KEYB, and whether more follow."""

    def answer(one: Any) -> Any:
        following = one.headers["tr_cont"] == "N"
        after = int(one.params["KEYB"] or 0) if following else 0
        rest = [one for one in rows if int(one["rank"]) > after]
        more = len(rest) > 100
        return page(rest[:100], str(len(rows)), ("M" if following else "F") if more else "D")

    return answer


def found(adapter: KisAdapter, symbols: list[str], *, floor: float | None = 150e6, partial_lists: bool = False) -> Valuation:
    tickers = {symbol: symbol.replace("/", ".") for symbol in symbols}
    return search.values(adapter._wire, "NAS", tickers, floor=floor, region="US", provider="kis", partial_lists=partial_lists)


def names(count: int) -> list[str]:
    return [f"N{number:03d}" for number in range(1, count + 1)]


def test_all_pages_are_read_by_the_last_rank_until_the_header_says_so(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(250)
    script.answers[TR] = served([row(symbol, at + 1, str(1000 - at)) for at, symbol in enumerate(symbols)])
    valued = found(us_adapter, symbols)
    assert valued.worth == {symbol: (1000.0 * (1000 - at), 10 * (1000 - at)) for at, symbol in enumerate(symbols)}
    assert (valued.refused.schema, valued.refused.height) == (REFUSED, 0)
    asked = script.of(TR)
    assert [(one.headers["tr_cont"], one.params["KEYB"]) for one in asked] == [("", ""), ("N", "100"), ("N", "200")]
    assert asked[0].path == "/uapi/overseas-price/v1/quotations/inquire-search"
    assert {name: value for name, value in asked[0].params.items() if value} == {
        "EXCD": "NAS",
        "CO_YN_VALX": "1",
        "CO_ST_VALX": "150000",
        "CO_EN_VALX": "9" * 12,
    }
    assert set(asked[0].params) == SEARCHED | {"AUTH", "EXCD", "KEYB"}


def test_without_a_floor_everything_that_trades_is_asked_for(script: Any, us_adapter: KisAdapter) -> None:
    script.answers[TR] = served([row("AAPL", 1)])
    found(us_adapter, ["AAPL"], floor=None)
    assert script.of(TR)[0].params["CO_ST_VALX"] == "0"


@pytest.mark.parametrize(
    ("fields", "worth"),
    [
        ({}, (508239862000.0, 5082398620)),
        # The field table's unit: thousands of shares.
        ({"shar": "5082399"}, (508239862000.0, 5082399000)),
        ({"shar": "77"}, (508239862000.0, None)),
        ({"shar": ""}, (508239862000.0, None)),
        ({"last": "0.0000"}, (508239862000.0, None)),
        ({"last": None}, (508239862000.0, None)),
        ({"valx": "0"}, (None, None)),
        ({"valx": 508239862}, (508239862000.0, 5082398620)),
    ],
)
def test_value_is_in_thousands_and_shares_in_the_unit_that_makes_the_value(
    script: Any, us_adapter: KisAdapter, fields: dict[str, Any], worth: search.Worth
) -> None:
    script.answers[TR] = lambda one: page([row("AAPL", 1, **fields)], "1")
    assert found(us_adapter, ["AAPL"]).worth == {"AAPL": worth}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"valx": "-"}, "unparsable"),
        ({"valx": None}, "missing_field"),
        ({"valx": ["1"]}, "unparsable"),
        ({"shar": "many"}, "unparsable"),
        ({"shar": {"a": 1}}, "unparsable"),
        ({"last": "nan"}, "unparsable"),
        ({"rank": ""}, "missing_field"),
        ({"rank": "first"}, "unparsable"),
    ],
)
def test_a_row_that_cant_be_read_is_refused_with_its_ticker_and_costs_no_other(
    script: Any, us_adapter: KisAdapter, fields: dict[str, Any], rule: str
) -> None:
    rows = [row("AAPL", 1), row("GOOG/L", 2, **fields), row("MSFT", 3)]
    script.answers[TR] = lambda one: page(rows, "3")
    valued = found(us_adapter, ["AAPL", "MSFT", "GOOG/L"])
    assert list(valued.worth) == ["AAPL", "MSFT"]
    assert valued.refused.select("region", "ticker", "rule", "provider").rows() == [("US", "GOOG.L", rule, "kis")]


def test_rows_that_are_no_rows_are_refused_and_empty_objects_are_filler(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(40)
    rows: list[Any] = [row(symbol, at + 1) for at, symbol in enumerate(symbols)]
    script.answers[TR] = lambda one: page([*rows, None, {}], "41")
    valued = found(us_adapter, symbols)
    assert (len(valued.worth), valued.refused["rule"].to_list()) == (40, ["unparsable"])


def test_a_symbol_that_is_not_on_the_list_is_told(script: Any, us_adapter: KisAdapter) -> None:
    script.answers[TR] = lambda one: page([row("AAPL", 1), row("NEWCO", 2)], "2")
    valued = found(us_adapter, ["AAPL"])
    assert list(valued.worth) == ["AAPL"]
    assert valued.refused.select("ticker", "rule").rows() == [("NEWCO", "not_listed")]


def test_another_layout_is_no_valuation(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(10)
    rows = [row(symbol, at + 1, **({"valx": "-"} if at < 2 else {})) for at, symbol in enumerate(symbols)]
    script.answers[TR] = lambda one: page(rows, "10")
    with pytest.raises(Unavailable, match="2 of 10 rows can't be read"):
        found(us_adapter, symbols)


@pytest.mark.parametrize("trec", ["4", "", None, "many", -1])
def test_fewer_names_than_the_answer_counts_are_no_valuation(script: Any, us_adapter: KisAdapter, trec: Any) -> None:
    symbols = names(3)
    script.answers[TR] = lambda one: page([row(symbol, at + 1) for at, symbol in enumerate(symbols)], trec)
    with pytest.raises(Unavailable, match="value search of NAS: 3 names in 1 pages"):
        found(us_adapter, symbols)
    assert len(script.of(TR)) == 2


def test_a_name_that_changed_its_place_between_two_pages_is_found_in_a_second_sweep(
    script: Any, us_adapter: KisAdapter
) -> None:
    symbols = names(150)
    before = [row(symbol, at + 1) for at, symbol in enumerate(symbols)]
    after = [row(symbol, at + 1) for at, symbol in enumerate([symbols[120], *symbols[:120], *symbols[121:]])]
    first = iter((True,))

    def answer(one: Any) -> Any:
        return served(before if next(first, False) else after)(one)

    script.answers[TR] = answer
    valued = found(us_adapter, symbols)
    assert set(valued.worth) == set(symbols)
    assert [one.params["KEYB"] for one in script.of(TR)] == ["", "100", "", "100"]


def test_a_row_refused_in_either_sweep_is_told_and_one_refused_in_both_is_told_once(
    script: Any, us_adapter: KisAdapter
) -> None:
    symbols = names(40)
    sound = [row(symbol, at + 1) for at, symbol in enumerate(symbols)]
    both, first_only, second_only = (row(symbol, at) for symbol, at in (("NEWCO", 41), ("GONECO", 42), ("LATECO", 43)))
    # The first sweep counts a name more than it brings.
    sweeps = iter([page([*sound, both, first_only], "43"), page([*sound, both, second_only], "43")])
    script.answers[TR] = lambda one: next(sweeps)

    valued = found(us_adapter, symbols)

    assert set(valued.worth) == set(symbols)
    assert valued.refused.select("ticker", "rule").rows() == [
        ("NEWCO", "not_listed"),
        ("GONECO", "not_listed"),
        ("LATECO", "not_listed"),
    ]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"excd": "NYS", "rsym": "DNYSN002"}, "wrong_venue"),
        ({"rsym": "DNASN003"}, "wrong_ticker"),
        ({"rank": "1"}, "duplicate_rank"),
    ],
)
def test_a_row_that_is_anothers_counts_for_nobody(
    script: Any, us_adapter: KisAdapter, fields: dict[str, Any], rule: str
) -> None:
    symbols = names(2)
    rows = [row(symbols[0], 1), row(symbols[1], 2, **fields)]
    script.answers[TR] = lambda one: page(rows, "2")
    with pytest.raises(Unavailable, match="1 names in 1 pages, where the answer counts 2"):
        found(us_adapter, symbols)
    script.answers[TR] = lambda one: page(rows, "1")
    valued = found(us_adapter, symbols)
    assert (list(valued.worth), valued.refused["rule"].to_list()) == ([symbols[0]], [rule])


def test_the_same_row_twice_is_one_and_another_value_for_it_is_refused(script: Any, us_adapter: KisAdapter) -> None:
    rows = [row("AAPL", 1), row("AAPL", 1), row("AAPL", 2, "999")]
    script.answers[TR] = lambda one: page(rows, "1")
    valued = found(us_adapter, ["AAPL"])
    assert valued.worth == {"AAPL": (508239862000.0, 5082398620)}
    assert valued.refused.select("ticker", "rule").rows() == [("AAPL", "duplicate_row")]


def test_a_provider_that_repeats_its_first_page_is_left(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(100)
    script.answers[TR] = lambda one: page([row(symbol, at + 1) for at, symbol in enumerate(symbols)], "250", "M")
    with pytest.raises(Unavailable, match="100 names in 2 pages"):
        found(us_adapter, symbols)
    assert len(script.of(TR)) == 4


def test_a_provider_that_has_ever_more_is_left_after_a_bounded_number_of_pages(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(500)

    def answer(one: Any) -> Any:
        rank = int(one.params["KEYB"] or 0) + 1
        return page([row(symbols[rank - 1], rank)], "150", "M")

    script.answers[TR] = answer
    with pytest.raises(Unavailable, match="8 names in 8 pages, where the answer counts 150"):
        found(us_adapter, symbols)
    assert len(script.of(TR)) == 16


@pytest.mark.parametrize("cont", ["D", "E", "", "x"])
def test_only_f_and_m_say_that_there_is_more(script: Any, us_adapter: KisAdapter, cont: str) -> None:
    script.answers[TR] = lambda one: page([row("AAPL", 1)], "1", cont)
    assert list(found(us_adapter, ["AAPL"]).worth) == ["AAPL"]
    assert len(script.of(TR)) == 1


def test_no_name_at_all_is_an_answer_of_a_sandbox_only(script: Any, us_adapter: KisAdapter) -> None:
    script.answers[TR] = lambda one: page([], "0")
    with pytest.raises(Unavailable, match="not one name of its list has a value"):
        found(us_adapter, ["AAPL"])
    assert found(us_adapter, ["AAPL"], partial_lists=True).worth == {}
    assert len(script.of(TR)) == 4


def test_one_answer_without_a_name_is_not_believed(script: Any, us_adapter: KisAdapter) -> None:
    first = iter((True,))
    script.answers[TR] = lambda one: page([], "0") if next(first, False) else page([row("AAPL", 1)], "1")
    assert list(found(us_adapter, ["AAPL"], partial_lists=True).worth) == ["AAPL"]


def test_a_token_that_dies_between_two_pages_costs_no_page(script: Any, us_adapter: KisAdapter) -> None:
    symbols = names(150)
    honest = served([row(symbol, at + 1) for at, symbol in enumerate(symbols)])
    dead = {"rt_cd": "1", "msg_cd": "EGW00123", "msg1": "기간이 만료된 token 입니다."}

    def answer(one: Any) -> Any:
        died = one.params["KEYB"] and one.headers["authorization"] == "Bearer token-1"
        return (500, dead) if died else honest(one)

    script.answers[TR] = answer
    assert set(found(us_adapter, symbols).worth) == set(symbols)
    asked = [(one.headers["tr_cont"], one.params["KEYB"]) for one in script.of(TR)]
    assert asked == [("", ""), ("N", "100"), ("N", "100")]


EXCHANGES = {"XNAS": ("22", "NAS", "나스닥"), "XNYS": ("21", "NYS", "뉴욕"), "XASE": ("23", "AMS", "아멕스")}


def listed(symbol: str, mic: str) -> str:
    """One line of an exchange's list."""
    exid, exchange, korean = EXCHANGES[mic]
    name = ("이름", f"{symbol} INC", "2", "USD", "4", "", "100.0000")
    hours = ("1", "1", "930", "1600", "N", "", "730", "0", "0", "   ", "0")
    return "\t".join(["US", exid, exchange, korean, symbol, exchange + symbol, *name, *hours])


def zipped(name: str, lines: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "".join(line + "\n" for line in lines).encode("cp949"))
    return buffer.getvalue()


def put_lists(script: Any, **symbols: list[str]) -> None:
    """Master files of the three exchanges."""
    for mic, file in (("XNAS", "nasmst.cod"), ("XNYS", "nysmst.cod"), ("XASE", "amsmst.cod")):
        script.files[f"{file}.zip"] = zipped(file.upper(), [listed(symbol, mic) for symbol in symbols.get(mic, [])])


def put_values(script: Any, **rows: list[dict[str, Any]]) -> None:
    """Search answers by KIS's exchange code."""
    script.answers[TR] = lambda one: page(
        [
            {**row, "excd": one.params["EXCD"], "rsym": f"D{one.params['EXCD']}{row['symb']}"}
            for row in rows.get(one.params["EXCD"], [])
        ],
        str(len(rows.get(one.params["EXCD"], []))),
    )


def test_lists_and_values_are_joined_by_exchange_and_symbol(script: Any, us_adapter: KisAdapter) -> None:
    put_lists(script, XNAS=["AAPL", "TINY"], XNYS=["BRK/B"], XASE=["IMO"])
    put_values(script, NAS=[row("AAPL", 1, "3000000")], NYS=[row("BRK/B", 1, "900000")], AMS=[row("IMO", 1, "40000")])
    universe = us_adapter.universe("US")
    assert universe.instruments.schema == INSTRUMENTS
    assert sorted(universe.instruments.select("ticker", "venue", "value", "shares").rows()) == [
        ("AAPL", "XNAS", 3e9, 30_000_000),
        ("BRK.B", "XNYS", 9e8, 9_000_000),
        ("IMO", "XASE", 4e7, 400_000),
        ("TINY", "XNAS", None, None),
    ]
    assert (universe.refused.height, universe.unvalued) == (0, "")
    assert sorted(one.params["EXCD"] for one in script.of(TR)) == ["AMS", "NAS", "NYS"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((500, {"rt_cd": "1", "msg_cd": "EGW02006", "msg1": "모의투자 TR 이 아닙니다."}), "EGW02006"),
        ((200, {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": "ERROR"}), "OPSQ2001"),
        ((503, b""), "503"),
        (page([row("AAPL", 1)], "2"), "value search of NAS"),
    ],
)
def test_without_a_whole_search_the_lists_are_good_and_say_why_they_have_no_values(
    script: Any, us_adapter: KisAdapter, reply: Any, words: str
) -> None:
    put_lists(script, XNAS=["AAPL"], XNYS=["BRK/B"], XASE=["IMO"])
    put_values(script, NYS=[row("BRK/B", 1)], AMS=[row("IMO", 1)])
    honest = script.answers[TR]
    script.answers[TR] = lambda one: reply if one.params["EXCD"] == "NAS" else honest(one)
    universe = us_adapter.universe("US")
    assert words in universe.unvalued
    assert sorted(universe.instruments.select("ticker", "value", "shares").rows()) == [
        ("AAPL", None, None),
        ("BRK.B", None, None),
        ("IMO", None, None),
    ]


def test_a_session_that_has_hardly_begun_values_no_universe(script: Any, us_adapter: KisAdapter) -> None:
    put_lists(script, XNAS=names(20), XNYS=["BRK/B"], XASE=["IMO"])
    put_values(script, NAS=[row("N001", 1)], NYS=[row("BRK/B", 1)], AMS=[row("IMO", 1)])
    universe = us_adapter.universe("US")
    assert "XNAS: 1 of 20 names of its list have traded" in universe.unvalued
    assert universe.instruments["value"].null_count() == 22


def test_a_rule_without_value_needs_no_search_and_no_token(
    script: Any, settings_home: Path, adapter_on: Callable[..., KisAdapter]
) -> None:
    put_lists(script, XNAS=["AAPL"], XNYS=["BRK/B"], XASE=["IMO"])
    rule = {"top": None, "min_value": None}
    universe = adapter_on(script, settings_home / "state", region="US", rule=rule).universe("US")
    assert (universe.instruments.height, universe.unvalued) == (3, "")
    assert {one.method + one.path for one in script.asked} == {
        "GET/files/nasmst.cod.zip",
        "GET/files/nysmst.cod.zip",
        "GET/files/amsmst.cod.zip",
    }


def test_a_missing_list_is_no_universe(script: Any, us_adapter: KisAdapter) -> None:
    put_lists(script, XNAS=["AAPL"], XNYS=["BRK/B"], XASE=["IMO"])
    del script.files["amsmst.cod.zip"]
    with pytest.raises(Unavailable, match="amsmst"):
        us_adapter.universe("US")


def test_a_sandbox_may_lack_an_exchange_and_the_values_of_another(
    script: Any, settings_home: Path, us_adapter: KisAdapter, adapter_on: Callable[..., KisAdapter]
) -> None:
    put_lists(script, XNAS=["AAPL"], XNYS=["BRK/B"])
    put_values(script, NAS=[row("AAPL", 1)])
    with pytest.raises(Unavailable, match="amsmst"):
        us_adapter.universe("US")
    universe = adapter_on(script, settings_home / "state", region="US", partial_lists=True).universe("US")
    assert universe.unvalued == ""
    assert sorted(universe.instruments.select("ticker", "value").rows()) == [("AAPL", 508239862000.0), ("BRK.B", None)]
    assert {one.params["EXCD"] for one in script.of(TR)} == {"NAS", "NYS"}


def test_an_exchange_without_a_name_the_rule_may_take_is_not_searched(script: Any, us_adapter: KisAdapter) -> None:
    put_lists(script, XNAS=["AAPL"], XNYS=["BRK/B"], XASE=["LEGT/UN"])
    put_values(script, NAS=[row("AAPL", 1)], NYS=[row("BRK/B", 1)])
    universe = us_adapter.universe("US")
    assert (universe.instruments["security_type"].to_list(), universe.unvalued) == (["common", "common", "other"], "")
    assert [one.params["EXCD"] for one in script.of(TR)] == ["NYS", "NAS"]
