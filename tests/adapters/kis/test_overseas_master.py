"""Overseas master files: 24 columns of cp949 into instruments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import INSTRUMENTS, Universe
from adapters.kis.archive import unzip
from adapters.kis.overseas_master import MASTERS, read
from adapters.kis.symbols import symbol
from pipeline.errors import Unavailable

REAL = Path(__file__).parents[4] / "shared" / "data" / "kis_master"
US = ("XNAS", "XNYS", "XASE")
#: What the real lists of October 2025 write in their columns `number` and `exchange`.
EXCHANGES = {
    "XNAS": ("22", "NAS"),
    "XNYS": ("21", "NYS"),
    "XASE": ("23", "AMS"),
    "XSHG": ("16", "SHS"),
    "XSHE": ("17", "SZS"),
    "XHKG": ("12", "HKS"),
    "XTKS": ("6", "TSE"),
    "XSTC": ("70", "HSX"),
    "XHNX": ("71", "HNX"),
}


def line(symbol: str = "AAPL", english: str = "APPLE INC", korean: str = "애플", mic: str = "XNAS", **fields: str) -> bytes:
    """One line of a list; `fields` are written over what a stock of that exchange has."""
    number, exchange = EXCHANGES[mic]
    columns = {
        "country": "US",
        "number": number,
        "exchange": exchange,
        "exchange_name": "나스닥",
        "symbol": symbol,
        "quoted": exchange + symbol,
        "korean": korean,
        "english": english,
        "stis": "2",
        "currency": "USD",
        "decimals": "4",
        "kind": "",
        "base": "201.3600",
        "lot": "1",
        "sell_lot": "1",
        "opens": "930",
        "closes": "1600",
        "receipt": "N",
        "receipt_country": "",
        "sector": "730",
        "members": "0",
        "tick": "0",
        "etyp": "   ",
        "tick_part": "   ",
        **fields,
    }
    assert len(columns) == 24
    return "\t".join(columns.values()).encode("cp949")


def instruments(*lines: bytes, mic: str = "XNAS", **more: bytes) -> Universe:
    return read({mic: b"\n".join(lines) + b"\n", **more}, "US", "USD", "kis")


def kind(symbol: str, english: str, korean: str = "회사", mic: str = "XNAS", **fields: str) -> Any:
    return instruments(line(symbol, english, korean, mic, **fields), mic=mic).instruments["security_type"].item()


@pytest.mark.parametrize("mic", sorted(MASTERS))
def test_a_line_becomes_an_instrument(mic: str) -> None:
    universe = instruments(line(mic=mic, lot="100"), mic=mic)
    assert universe.instruments.schema == INSTRUMENTS
    assert universe.instruments.to_dicts() == [
        {
            "region": "US",
            "ticker": "AAPL",
            "venue": mic,
            "name": "APPLE INC",
            "local_name": "애플",
            "security_type": "common",
            "currency": "USD",
            "isin": None,
            "lot": 100,
            "listed_from": None,
            "shares": None,
            "value": None,
            "halted": None,
            "sector_code": "730",
            "provider": "kis",
        }
    ]


def test_blank_fields_are_unknown_and_the_currency_is_the_lines_own() -> None:
    found = instruments(
        line(english="", korean="", lot="", sector="000", currency="CNY"),
        line("MSFT", lot="0", sector="", currency=""),
        line("TSLA", lot="100"),
    ).instruments
    assert found.select("ticker", "name", "local_name", "lot", "sector_code", "currency").rows() == [
        ("AAPL", None, None, None, None, "CNY"),
        ("MSFT", "APPLE INC", "애플", None, None, "USD"),
        ("TSLA", "APPLE INC", "애플", 100, "730", "USD"),
    ]


@pytest.mark.parametrize(
    ("symbol", "english", "korean", "mic", "expected"),
    [
        ("BRK/B", "BERKSHIRE HATHAWAY INC", "버크셔 해서웨이 B", "XNYS", ("BRK.B", "common")),
        ("WFC/L", "WELLS FARGO & COMPANY 7.5% PERP CONV PRF", "웰스파고 우선주 L(7.500%)", "XNYS", ("WFC-L", "preferred")),
        ("HWM/", "HOWMET AEROSPACE INC $3.75 PREFERRED STOCK", "하우멧 우선주", "XASE", ("HWM-PR", "preferred")),
        ("LEGT/UN", "LEGATO MERGER CORP III UNITS 1 ORD & 1/2 WT", "레가토 머저 3 유닛", "XASE", ("LEGT-UN", "other")),
        ("F/B", "FORD MOTOR CO 6.20% NOTES DUE 01/06/2059", "포드 모터 일반채권", "XNYS", ("F-B", "other")),
        (
            "PBR/A",
            "PETROLEO BRASILEIRO SPONS ADR-EACH REPR 2",
            "페트로브라스 우선주(ADR)",
            "XNYS",
            ("PBR-A", "depositary_receipt"),
        ),
    ],
)
def test_the_type_decides_the_spelling_of_the_ticker(
    symbol: str, english: str, korean: str, mic: str, expected: tuple[str, str]
) -> None:
    found = instruments(line(symbol, english, korean, mic), mic=mic).instruments
    assert found.select("ticker", "security_type").row(0) == expected


@pytest.mark.parametrize(
    ("stis", "etyp", "english", "expected"),
    [
        ("3", "001", "SPDR S&P500 ETF", "etf"),
        ("3", "002", "MICROSECTORS FANG INDEX 2X LEVERAGED ETN", "etn"),
        ("3", "002", "JPMORGAN ACTIVE HIGH YIELD ETF", "etf"),
        ("3", "003", "GOLD TRUST", "etf"),
        ("3", "004", "ADAMS DIVERSIFIED EQUITY FUND INC", "fund"),
        ("3", "005", "SHORT VIX FUTURES ETF", "etf"),
        ("3", "006", "IPATH SERIES B VIX ETN", "etn"),
        ("3", "000", "THEMES ETF TRUST AIRLINES ETF", "etf"),
        ("3", "000", "PIONEER HIGH INCOME FD INC", "fund"),
        ("3", "999", "SOMETHING NEW", "etf"),
        ("4", "   ", "SOME WARRANT", "warrant"),
        ("1", "   ", "SOME INDEX", "other"),
        ("", "   ", "SOME THING", "other"),
    ],
)
def test_the_lists_own_types_come_first(stis: str, etyp: str, english: str, expected: str) -> None:
    assert kind("ABCD", english, stis=stis, etyp=etyp) == expected


@pytest.mark.parametrize(
    ("symbol", "english", "expected"),
    [
        ("TCPA", "TRANSCANADA PIPELINES LTD 6.25% NTS 01/11/2085", "other"),
        ("CCIA", "CARLYLE CREDIT INCOME FUND PREF SER A", "preferred"),
        ("GDVH", "GABELLI DIVIDEND & INCOME TRUST 5.375% SERIES H CUMULATI", "preferred"),
        ("KOYNU", "CSLM DIGITAL ASSET ACQUISITION CORP UNIT 1 CL A  & 1/2 R", "other"),
        ("ABCDZ", "SOME CORP C/WTS 21/04/2027 (TO PUR COM)", "warrant"),
        ("ABCDZ", "SOME CORP RTS 21/04/2027", "right"),
        ("SOME", "SOME CORP SPON ADS EACH REP 2 ORD SHS", "depositary_receipt"),
        ("PFBC", "PREFERRED BK LOS ANGELES CALIFORNIA", "common"),
        ("ADSE", "ADS TEC ENERGY PLC", "common"),
        ("AEHR", "AEHR TEST SYSTEMS", "common"),
        ("CFND", "C1 FUND INC", "fund"),
        ("MSDL", "MORGAN STANLEY DIRECT LENDING FUND", "common"),
        ("AFRM", "AFFIRM REALTY INC", "reit"),
        ("AMT", "AMERICAN TOWER CORP", "reit"),
        ("HOUS", "ANYWHERE REAL ESTATE INC.", "common"),
    ],
)
def test_an_english_name_tells_where_the_korean_one_is_silent(symbol: str, english: str, expected: str) -> None:
    assert kind(symbol, english) == expected


@pytest.mark.parametrize(
    ("symbol", "mic", "expected"),
    [
        ("ABCDU", "XNAS", "other"),
        ("ABCDW", "XNAS", "warrant"),
        ("ABCDR", "XNAS", "right"),
        ("ABCDA", "XNAS", "common"),
        ("ABCDW", "XNYS", "common"),
        ("ABC/UN", "XNYS", "other"),
        ("ABC/WS", "XNYS", "warrant"),
        ("ABC/RT", "XASE", "right"),
        ("ABC/", "XNYS", "preferred"),
        ("ABC/B", "XNYS", "common"),
    ],
)
def test_a_symbols_end_tells_where_both_names_are_silent(symbol: str, mic: str, expected: str) -> None:
    assert kind(symbol, "SOME CORP", mic=mic) == expected


@pytest.mark.parametrize("symbol", ["ZVZZT", "ZWZZT", "ZXZZT", "NTEST", "ATEST", "NTEST/A", "ZBZX"])
def test_the_exchanges_test_symbols_are_nothing_to_follow(symbol: str) -> None:
    assert kind(symbol, "NASDAQ TEST STOCK") == "other"


def test_bad_lines_are_refused_alone() -> None:
    good = [line(f"A{chr(65 + number // 26)}{chr(65 + number % 26)}") for number in range(200)]
    bad = [
        line("BAA") + b"\t",
        line("BAB", lot="1x"),
        line("BAC", currency="US"),
        line("BAD", mic="XNYS"),
        line("BAE", number="21"),
        line("BAF", quoted="NASBAG"),
        line("B-G"),
        line(""),
        line("BAH", lot="9" * 30),
        line("BAI").replace("애플".encode("cp949"), b"\xff\xff"),
        line("AAB"),
    ]
    universe = instruments(*good, *bad)
    assert universe.instruments.height == 200
    assert universe.refused.select("ticker", "rule").rows() == [
        ("BAA", "unparsable"),
        ("BAB", "unparsable"),
        ("BAC", "unparsable"),
        ("BAD", "wrong_venue"),
        ("BAE", "wrong_venue"),
        ("BAF", "unparsable"),
        ("B-G", "unparsable"),
        (None, "missing_field"),
        ("BAH", "unparsable"),
        ("BAI", "unparsable"),
        ("AAB", "duplicate_row"),
    ]
    reasons = universe.refused["reason"].to_list()
    assert all(reason.startswith("kis nasmst.cod.zip") or reason.startswith("nasmst.cod.zip: ") for reason in reasons)
    assert ("1x" in reasons[1], "NYS" in reasons[3]) == (True, True)
    assert universe.refused["raw"][10] == line("AAB").decode("cp949")


def test_a_ticker_of_two_exchanges_is_the_first_ones() -> None:
    universe = instruments(line("AAA"), XNYS=line("AAA", mic="XNYS"))
    assert universe.instruments.select("ticker", "venue").rows() == [("AAA", "XNAS")]
    assert universe.refused.select("ticker", "rule").rows() == [("AAA", "duplicate_row")]


def test_two_symbols_of_one_ticker_are_not_both_taken() -> None:
    universe = instruments(line("AAA", "SOME CORP"), line("AAA", "SOME CORP PFD"))
    assert (universe.instruments.height, universe.refused["rule"].to_list()) == (1, ["duplicate_row"])


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"no tabs\n" * 40, line() + b"\n" + line() + b"\t\n"])
def test_an_empty_list_or_another_layout_is_no_universe(content: bytes) -> None:
    with pytest.raises(Unavailable, match=r"nasmst\.cod\.zip: .* not 24 columns"):
        read({"XNAS": content}, "US", "USD", "kis")


def test_a_small_sandbox_may_lack_an_exchange_but_not_all() -> None:
    lists = {"XNAS": line() + b"\n", "XNYS": b"", "XASE": b""}
    assert read(lists, "US", "USD", "kis", partial_lists=True).instruments["ticker"].to_list() == ["AAPL"]
    with pytest.raises(Unavailable, match="nysmst"):
        read(lists, "US", "USD", "kis")
    with pytest.raises(Unavailable, match="0 lines"):
        read(dict.fromkeys(MASTERS, b""), "US", "USD", "kis", partial_lists=True)


def accounted(content: bytes) -> None:
    """Every line that is not blank is an instrument or a refused row, once; or the layout is another one."""
    lines = [one for one in content.replace(b"\r\n", b"\n").split(b"\n") if one.strip()]
    strange = sum(one.count(b"\t") != 23 for one in lines)
    if not lines or strange > 0.05 * len(lines):
        with pytest.raises(Unavailable):
            read({"XNAS": content}, "US", "USD", "kis")
        return
    universe = read({"XNAS": content}, "US", "USD", "kis")
    left = Counter(one.decode("cp949", "replace") for one in lines)
    left.subtract(universe.refused["raw"].to_list())
    assert min(left.values()) >= 0
    taken = [raw.split("\t")[4].strip() for raw in left.elements()]
    assert sorted(symbol(ticker) for ticker in universe.instruments["ticker"]) == sorted(taken)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_accounted_for(content: bytes) -> None:
    accounted(content)


@settings(deadline=None)
@given(st.lists(st.lists(st.binary(max_size=6), min_size=24, max_size=24), max_size=6))
def test_any_columns_are_accounted_for(rows: list[list[bytes]]) -> None:
    accounted(b"\n".join(b"\t".join(row) for row in rows))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 200), st.binary(min_size=1, max_size=2)), max_size=8))
def test_mutated_lines_are_accounted_for(mutations: list[tuple[int, int, bytes]]) -> None:
    lines = [bytearray(line(f"A{chr(65 + number // 26)}{chr(65 + number % 26)}")) for number in range(100)]
    for number, at, written in mutations:
        lines[number][at : at + len(written)] = written
    accounted(b"\n".join(lines) + b"\n")


@pytest.fixture(scope="module")
def listed() -> Universe:
    contents = {mic: unzip((REAL / layout.file).read_bytes(), layout.file) for mic, layout in MASTERS.items() if mic in US}
    return read(contents, "US", "USD", "kis")


needs_real = pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")


@needs_real
def test_the_real_lists_of_october_2025_are_read_whole(listed: Universe) -> None:
    assert listed.refused.height == 0
    counts = listed.instruments.group_by("venue", "security_type").len().rows()
    assert {(venue, kind): count for venue, kind, count in counts} == {
        ("XNAS", "common"): 3157,
        ("XNAS", "reit"): 30,
        ("XNAS", "depositary_receipt"): 198,
        ("XNAS", "preferred"): 119,
        ("XNAS", "etf"): 1016,
        ("XNAS", "etn"): 3,
        ("XNAS", "fund"): 16,
        ("XNAS", "warrant"): 91,
        ("XNAS", "other"): 223,
        ("XNYS", "common"): 1582,
        ("XNYS", "reit"): 160,
        ("XNYS", "depositary_receipt"): 197,
        ("XNYS", "preferred"): 375,
        ("XNYS", "etf"): 57,
        ("XNYS", "fund"): 332,
        ("XNYS", "other"): 137,
        ("XASE", "common"): 223,
        ("XASE", "reit"): 5,
        ("XASE", "depositary_receipt"): 6,
        ("XASE", "preferred"): 20,
        ("XASE", "etf"): 3522,
        ("XASE", "etn"): 54,
        ("XASE", "fund"): 40,
        ("XASE", "other"): 8,
    }


KNOWN = {
    "common": "AAPL MSFT GOOGL GOOG NVDA TSLA JPM WFC C BAC BRK.A BRK.B BF.B LEN.B MOG.A HEI.A CWEN.A UHAL.B MKC.V CMCSA FWONK "
    "ARCC EPD CRH ICLR WNS DHI TOL CBRE PFBC ADSE AEHR MSDL LTBR",
    "reit": "O AMT SPG PLD EQIX WELL PSA VICI NNN DLR HST AGNC IRM PECO",
    "depositary_receipt": "TSM BABA ASML BIDU PBR-A AKO-A SQM SHG",
    "preferred": "WFC-L ABR-D BAC-L USB-P HWM-PR TY-PR OXLCP PSA-H GAB-G NEWTP",
    "etf": "SPY QQQ GLD UVXY JPHY USO",
    "etn": "VXX FNGU DJP",
    "fund": "PHYS PDI GAB ADX TURN OXLC BTX",
    "warrant": "AUROW USGOW CORZZ",
    "other": "LEGT-UN AACBU ETHMU CNO-A F-B TMUSL NEE-U TCPA TBB",
}


@needs_real
@pytest.mark.parametrize("expected", sorted(KNOWN))
def test_well_known_names_have_their_type(listed: Universe, expected: str) -> None:
    types = dict(listed.instruments.select("ticker", "security_type").rows())
    assert {ticker: types.get(ticker) for ticker in KNOWN[expected].split()} == dict.fromkeys(KNOWN[expected].split(), expected)


@needs_real
def test_a_real_line_keeps_its_fields(listed: Universe) -> None:
    columns = ("ticker", "venue", "name", "local_name", "currency", "lot", "sector_code")
    found = {row[0]: row for row in listed.instruments.select(columns).rows()}
    assert [found[ticker] for ticker in ("AAPL", "BRK.B", "SPY")] == [
        ("AAPL", "XNAS", "APPLE INC", "애플", "USD", 1, "730"),
        ("BRK.B", "XNYS", "BERKSHIRE HATHAWAY INC", "버크셔 해서웨이 B", "USD", 1, "640"),
        ("SPY", "XASE", "SPDR S&P500 ETF", "SPDR S&P 500", "USD", 1, None),
    ]
