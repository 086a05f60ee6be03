"""Anything at all in the fields, rows and pages of a KIS answer: what is sound stands, the rest is refused, nothing hangs.

The wire is real HTTP; the bodies are successful envelopes around whatever hypothesis thinks of.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.answer import Answer
from adapters.base import BARS, INDEX_BARS, REFUSED, Instrument
from adapters.kis import Credentials, KisAdapter, search
from adapters.kis.rows import RowError, amount, count, dates, day, price, text
from adapters.kis.wire import judge
from pipeline.calendars import calendar
from pipeline.errors import NotYet, Terminal, Transient, Unavailable, Unsupported
from pipeline.settings import get_config

START, END = dt.date(2024, 6, 3), dt.date(2024, 6, 28)
QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
CONTRACT = (Unsupported, Unavailable, NotYet)


@dataclass(frozen=True)
class Series:
    """One kind of dated answer: how it is asked for, what its envelope and a sound row of it look like."""

    name: str
    region: str
    ask: Callable[[KisAdapter], Any]
    head: dict[str, str]
    date: str
    row: dict[str, str]
    close: str
    page: int
    venue: str
    #: Whether the wire is told the start of the range: where it is not, older rows are left out without a word.
    has_start: bool = True

    @property
    def schema(self) -> Any:
        """The frame of its rows."""
        return INDEX_BARS if "index" in self.name else BARS


_SAMSUNG = Instrument("KR", "005930", "XKRX", "KRW")
_APPLE = Instrument("US", "AAPL", "XNAS", "USD")
SERIES = [
    Series(
        name="KR bars",
        region="KR",
        ask=lambda adapter: adapter.history(_SAMSUNG, START, END),
        head={"stck_shrn_iscd": "005930"},
        date="stck_bsop_date",
        row={
            "stck_oprc": "995",
            "stck_hgpr": "1010",
            "stck_lwpr": "990",
            "stck_clpr": "1000",
            "acml_vol": "12345",
            "acml_tr_pbmn": "12345000",
        },
        close="stck_clpr",
        page=100,
        venue="XKRX",
    ),
    Series(
        name="KR index",
        region="KR",
        ask=lambda adapter: adapter.index("KR", "KOSPI", START, END),
        head={"bstp_cls_code": "0001"},
        date="stck_bsop_date",
        row={
            "bstp_nmix_oprc": "2690.50",
            "bstp_nmix_hgpr": "2701.00",
            "bstp_nmix_lwpr": "2680.11",
            "bstp_nmix_prpr": "2700.25",
            "acml_vol": "450123",
            "acml_tr_pbmn": "9289660",
        },
        close="bstp_nmix_prpr",
        page=50,
        venue="XKRX",
    ),
    Series(
        name="US bars",
        region="US",
        ask=lambda adapter: adapter.history(_APPLE, START, END),
        head={"rsym": "DNASAAPL", "zdiv": "4", "nrec": "100"},
        date="xymd",
        row={
            "open": "300.8450",
            "high": "302.0700",
            "low": "294.3600",
            "clos": "295.9500",
            "tvol": "42745060",
            "tamt": "12697950974",
        },
        close="clos",
        page=100,
        venue="XNYS",
        has_start=False,
    ),
    Series(
        name="US index",
        region="US",
        ask=lambda adapter: adapter.index("US", "SPX", START, END),
        head={"stck_shrn_iscd": "SPX"},
        date="stck_bsop_date",
        row={
            "ovrs_nmix_oprc": "5460.73",
            "ovrs_nmix_hgpr": "5480.01",
            "ovrs_nmix_lwpr": "5450.20",
            "ovrs_nmix_prpr": "5475.09",
            "acml_vol": "397268510",
        },
        close="ovrs_nmix_prpr",
        page=100,
        venue="XNYS",
    ),
]
BY_NAME = {one.name: one for one in SERIES}


class Host:
    """A KIS that answers every transaction with the next of `pages`, and the last of them for ever."""

    def __init__(self) -> None:
        self.pages: Sequence[bytes] = ()
        self.more = ""
        self.answered = 0
        self.url = ""
        self._guard = threading.Lock()

    def serve(self, pages: Sequence[bytes]) -> None:
        """Answer with these from now on."""
        self.pages, self.answered = pages, 0

    def reply(self, path: str) -> bytes:
        """The body of one answer."""
        if path == "/oauth2/tokenP":
            return b'{"access_token":"token","expires_in":86400}'
        with self._guard:
            body = self.pages[min(self.answered, len(self.pages) - 1)]
            self.answered += 1
        return body


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """The host, running."""
    made = Host()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: Head and body leave together: two small segments would wait for an acknowledgement in between.
        wbufsize = -1

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = made.reply(urlsplit(self.path).path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("tr_cont", made.more)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def adapters(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, KisAdapter]]:
    """One adapter a region on the host: no limits, one attempt a request, a breaker that never opens."""
    folder = tmp_path_factory.mktemp("hostile")
    made = {}
    for region in {one.region for one in SERIES}:
        config = get_config(region)
        transport = config.transport.model_copy(
            update={"attempts": 1, "backoff_base": 0.001, "backoff_max": 0.002, "breaker_failures": 1_000_000}
        )
        made[region] = KisAdapter(
            config.model_copy(update={"transport": transport}),
            Credentials("K" * 36, "S" * 180),
            state_dir=folder / region,
            base_url=host.url,
            files_url=f"{host.url}/files/",
            limits=(),
        )
    yield made
    for adapter in made.values():
        adapter.close()


def envelope(**outputs: Any) -> bytes:
    """A successful answer around anything; lone surrogates travel as escapes, as JSON allows."""
    return json.dumps({"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.", **outputs}).encode()


# ---- what hypothesis thinks of ----

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ODD_TEXTS = st.sampled_from(
    [
        *("", " ", "-", "+1", "-1", "-0", "0", "00000000", "1.5", "1.", ".5", "1e5", "1_000", "1,000", "0x10", " 1000 "),
        *("NaN", "nan", "inf", "-inf", "Infinity", "None", "null", "１０００", "١٢٣", "1000\x00", "1000\n", "½"),
        *("9" * 19, "9" * 20, "9" * 305, "9" * 309, "9" * 400, "0." + "0" * 400 + "1"),
        *("20240230", "99999999", "２０２４０６２８"),
    ]
)
ODD = ODD_TEXTS | ANY_JSON | st.sampled_from([10**30, -1, 1.5, -0.0, 1e300, True, 2**63])
DAYS = st.integers(-12, 38).map(lambda offset: START + dt.timedelta(days=offset))


def rows_of(series: Series) -> st.SearchStrategy[Any]:
    """A sound row, one with odd, missing and further fields, or no row at all."""
    names = [series.date, *series.row]

    def sound(date: dt.date, close: int) -> dict[str, Any]:
        return {series.date: date.strftime("%Y%m%d"), **series.row, series.close: str(close)}

    good = st.builds(sound, DAYS, st.sampled_from([1000, 1000, 1000, 1001]))
    bent = st.builds(
        lambda row, odd, gone, more: {name: value for name, value in {**row, **odd, **more}.items() if name not in gone},
        good,
        st.dictionaries(st.sampled_from(names), ODD, max_size=2),
        st.sets(st.sampled_from(names), max_size=1),
        st.dictionaries(WORDS.filter(lambda word: word not in names), ANY_JSON, max_size=1),
    )
    return st.one_of(good, good, bent, bent, st.just({}), ANY_JSON)


def pages_of(series: Series) -> st.SearchStrategy[list[list[Any]]]:
    """Some pages of rows in any order, short ones and such that look full."""
    rows = st.lists(rows_of(series), max_size=8)
    full = rows.map(lambda some: (some * series.page)[: series.page])
    ordered = rows.map(lambda some: sorted(some, key=lambda row: str(row.get(series.date)) if isinstance(row, dict) else ""))
    return st.lists(rows | ordered | full, min_size=1, max_size=4)


# ---- dated answers ----


def same(value: Any) -> str:
    """JSON values compare by this: NaN equals itself, 1 is not True."""
    return repr(json.loads(json.dumps(value, sort_keys=True), parse_constant=str))


def refused_values(raw: str) -> set[str]:
    """What `raw` may have been: the JSON it holds, or the text itself."""
    try:
        return {same(raw), repr(json.loads(raw, parse_constant=str))}
    except ValueError:
        return {same(raw)}


def longest(series: Series) -> int:
    """The bound of a walk: twice the pages that the calendar's sessions need, and a few."""
    return 2 * -(-len(calendar(series.venue).sessions(START, END)) // series.page) + 4


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=60, **QUICK)
@given(data=st.data())
def test_every_row_of_any_pages_is_a_bar_or_refused_and_the_walk_ends(
    name: str, host: Host, adapters: dict[str, KisAdapter], data: st.DataObject
) -> None:
    series = BY_NAME[name]
    pages = data.draw(pages_of(series))
    host.serve([envelope(output1=series.head, output2=page) for page in pages])

    found = series.ask(adapters[series.region])

    assert found.pages == host.answered <= longest(series)
    assert (found.bars.schema, found.refused.schema) == (series.schema, REFUSED)
    bars = {bar["date"]: bar for bar in found.bars.iter_rows(named=True)}
    assert list(bars) == found.bars["date"].sort().to_list()
    assert all(START <= date <= END for date in bars)
    for bar in bars.values():
        numbers = [bar[one] for one in ("open", "high", "low", "close", "volume")] + [bar["amount"] or 0.0]
        assert all(math.isfinite(number) and number >= 0 for number in numbers), bar
    assert found.refused["rule"].null_count() == found.refused["reason"].null_count() == 0
    # Take what was refused out of what was served: each row that is left stands as the bar of its date.
    served = [row for at in range(found.pages) for row in pages[min(at, len(pages) - 1)] if row != {}]
    left = Counter(map(same, served))
    for raw in found.refused["raw"]:
        one = next((form for form in refused_values(raw) if left[form]), None)
        assert one is not None, f"{raw} was refused and never served"
        left[one] -= 1
    standing = [row for row in served if left[same(row)] > 0]
    if not series.has_start:
        standing = [row for row in standing if day(row, series.date) >= START]
    assert all(isinstance(row, dict) for row in standing)
    assert {day(row, series.date) for row in standing} == set(bars)
    assert all(price(row, series.close) == bars[day(row, series.date)]["close"] for row in standing)


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=30, **QUICK)
@given(head=ANY_JSON, rows=ANY_JSON)
def test_any_envelope_is_an_answer_or_an_error_of_the_contract(
    name: str, host: Host, adapters: dict[str, KisAdapter], head: Any, rows: Any
) -> None:
    series = BY_NAME[name]
    host.serve([envelope(output1=head, output2=rows)])
    try:
        found = series.ask(adapters[series.region])
    except CONTRACT:
        assert not isinstance(head, dict) or not isinstance(rows, list)
    else:
        assert found.bars.is_empty()
        assert found.refused.height == sum(row != {} for row in rows) * found.pages


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=30, **QUICK)
@given(code=ODD)
def test_rows_about_any_other_code_are_never_bars(
    name: str, host: Host, adapters: dict[str, KisAdapter], code: Any
) -> None:
    """Only a chart whose field table makes the code optional may leave it out."""
    series = BY_NAME[name]
    key = next(iter(series.head))
    row = {series.date: "20240628", **series.row}
    host.serve([envelope(output1={**series.head, key: code}, output2=[row])])

    found = series.ask(adapters[series.region])

    silent = series.has_start and (code is None or not str(code).strip())
    assert found.bars.is_empty() is not silent
    assert silent or set(found.refused["rule"]) == {"wrong_ticker"}


HOSTILE_BODIES = {
    "nested deeper than any reader goes": b'{"rt_cd":"0","output1":{},"output2":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "cut inside deep nesting": b'{"a":' * 100_000,
    "a number of 5,000 digits": b'{"rt_cd":"0","output1":{},"output2":[' + b"9" * 5_000 + b"]}",
    "not UTF-8": b'{"rt_cd":"0","output1":{},"output2":["\xff\xfe"]}',
    "UTF-16": '{"rt_cd":"0","output1":{},"output2":{}}'.encode("utf-16"),
    "two documents": b'{"rt_cd":"0"}{"rt_cd":"0"}',
    "an empty object": b"{}",
    "HTML": b"<html><body>nginx</body></html>",
    "NUL bytes": b"\x00" * 100,
}


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES)
def test_a_body_no_reader_takes_is_unavailable(body: bytes, host: Host, adapters: dict[str, KisAdapter]) -> None:
    host.serve([body])
    with pytest.raises(Unavailable):
        BY_NAME["KR bars"].ask(adapters["KR"])


@pytest.mark.parametrize("name", BY_NAME)
def test_half_a_surrogate_pair_refuses_its_row_only(name: str, host: Host, adapters: dict[str, KisAdapter]) -> None:
    """JSON may escape one alone; no UTF-8 column can hold it."""
    series = BY_NAME[name]
    sound = {series.date: "20240628", **series.row}
    bad = {series.date: "20240627", **series.row, series.close: "\ud800"}
    host.serve([envelope(output1=series.head, output2=[sound, bad, "\udfff", {"\ud800": 1}])])

    found = series.ask(adapters[series.region])

    assert (found.bars.height, found.refused.height) == (1, 3 * found.pages)


def test_half_a_surrogate_pair_in_an_errors_words_can_be_printed(host: Host, adapters: dict[str, KisAdapter]) -> None:
    host.serve([json.dumps({"rt_cd": "1", "msg_cd": "EGW\udc00", "msg1": "\ud800 wrong"}).encode()])
    with pytest.raises(Unavailable) as caught:
        BY_NAME["KR bars"].ask(adapters["KR"])
    str(caught.value).encode()


def test_an_amount_beyond_all_numbers_is_refused(host: Host, adapters: dict[str, KisAdapter]) -> None:
    """Millions of won times a million: the product must be finite, not only what the wire says."""
    series = BY_NAME["KR index"]
    host.serve([envelope(output1=series.head, output2=[{series.date: "20240628", **series.row, "acml_tr_pbmn": "9" * 305}])])
    found = series.ask(adapters["KR"])
    assert (found.bars.height, set(found.refused["rule"])) == (0, {"unparsable"})


# ---- fields ----


@settings(max_examples=300, deadline=None)
@given(value=ODD, unit=st.sampled_from([1, 1_000, 1_000_000]))
def test_any_value_of_a_field_is_read_or_refused(value: Any, unit: int) -> None:
    row = {"field": value}
    readers: list[Callable[[], Any]] = [
        lambda: price(row, "field"),
        lambda: count(row, "field", unit),
        lambda: amount(row, "field", unit),
        lambda: day(row, "field"),
        lambda: dates(row, "field", "other"),
        lambda: text(row, "field"),
    ]
    for read in readers:
        found = refusal = None
        try:
            found = read()
        except RowError as error:
            refusal = error
        assert refusal is None or (refusal.rule in ("missing_field", "unparsable") and "field" in str(refusal))
        assert not isinstance(found, int | float) or 0 <= found < math.inf
        assert not isinstance(found, int) or found < 2**63


@settings(max_examples=200, deadline=None)
@given(number=st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=4), padding=st.sampled_from(["", " ", "\t"]))
def test_every_plain_number_is_read_as_written(number: Any, padding: str) -> None:
    assert price({"field": f"{padding}{number:f}{padding}"}, "field") == float(number)


# ---- envelopes ----


@settings(max_examples=300, deadline=None)
@given(
    status=st.sampled_from([200, 204, 302, 400, 403, 404, 429, 500, 502]),
    body=st.binary(max_size=60)
    | ANY_JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {},
        optional={name: ODD for name in ("rt_cd", "msg_cd", "msg1", "error_code", "error_description", "output2")},
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_a_mapping_or_says_whether_to_try_again(status: int, body: bytes) -> None:
    try:
        found = judge(Answer(status, {}, body, 0.0), "asked")
    except (Transient, Terminal):
        return
    assert isinstance(found, dict)
    assert status >= 300 or str(found.get("rt_cd")).strip() == "0"


# ---- tokens ----


@pytest.mark.parametrize(
    "token",
    ["토큰", "a\nb", "a b", "\x00", "\ud800", "x" * 100_000, ["t"], {"a": 1}, 5, True],
    ids=lambda token: repr(token)[:12],
)
def test_a_token_that_no_header_can_carry_is_asked_for_again(
    token: Any, script: Any, adapter: KisAdapter, wire_rows: Any
) -> None:
    """Kept, it would make every request of its 24 hours fail."""
    tokens = iter([token])
    script.token = lambda _: (200, json.dumps({"access_token": next(tokens, "good"), "expires_in": 86400}).encode())
    script.answers["FHKST03010100"] = wire_rows.served([wire_rows.bar_row(END)])

    history = adapter.history(_SAMSUNG, END, END)

    assert (history.bars.height, script.issues()) == (1, 2)


@pytest.mark.parametrize("lifetime", [None, "", "0", "-5", "1e9", "９", 1.5, True, [], "9" * 30], ids=repr)
def test_a_token_without_a_lifetime_is_asked_for_again(
    lifetime: Any, script: Any, adapter: KisAdapter, wire_rows: Any
) -> None:
    lifetimes = iter([lifetime])
    script.token = lambda number: (200, {"access_token": f"token-{number}", "expires_in": next(lifetimes, 86400)})
    script.answers["FHKST03010100"] = wire_rows.served([wire_rows.bar_row(END)])

    history = adapter.history(_SAMSUNG, END, END)

    assert (history.bars.height, script.issues()) == (1, 2)


# ---- one listing ----

_LISTING_FIELDS = {
    "KR": (
        _SAMSUNG,
        {"pdno": "00000A005930", "scts_mket_lstg_dt": "19750611", "tr_stop_yn": "N"},
        ("scts_mket_lstg_abol_dt", "kosdaq_mket_lstg_dt", "kosdaq_mket_lstg_abol_dt", "lstg_abol_dt"),
    ),
    "US": (
        _APPLE,
        {
            "ovrs_excg_cd": "NASD",
            "tr_crcy_cd": "USD",
            "lstg_dt": "19801212",
            "lstg_yn": "Y",
            "lstg_abol_item_yn": "N",
            "ovrs_stck_tr_stop_dvsn_cd": "01",
            "blbg_tckr_text": "AAPL US",
        },
        ("lstg_abol_dt", "pdno"),
    ),
}
_LISTING_DATES = st.sampled_from(["00010101", "99991231", "20240630", "20240230", "00000000", "19750611"])


@pytest.mark.parametrize("region", _LISTING_FIELDS)
@settings(max_examples=80, **QUICK)
@given(data=st.data())
def test_any_product_information_is_a_listing_or_an_error_of_the_contract(
    region: str, host: Host, adapters: dict[str, KisAdapter], data: st.DataObject
) -> None:
    instrument, sound, others = _LISTING_FIELDS[region]
    names = st.sampled_from([*sound, *others])
    odd = data.draw(st.dictionaries(names, _LISTING_DATES | ODD, max_size=3) | ANY_JSON)
    host.serve([envelope(output={**sound, **odd} if isinstance(odd, dict) else odd)])
    try:
        found = adapters[region].listing(instrument)
    except CONTRACT:
        return
    assert found.ticker == instrument.ticker
    assert all(isinstance(date, dt.date | None) for date in (found.listed_from, found.listed_until))
    assert found.halted in (True, False, None)


@pytest.mark.parametrize("region", _LISTING_FIELDS)
def test_an_end_on_the_first_of_all_days_is_no_evidence(
    region: str, host: Host, adapters: dict[str, KisAdapter]
) -> None:
    """There is no day before it."""
    instrument, sound, _ = _LISTING_FIELDS[region]
    host.serve([envelope(output={**sound, "lstg_dt": "", "lstg_abol_dt": "00010101"})])
    with pytest.raises(Unavailable):
        adapters[region].listing(instrument)


# ---- what names are worth ----

_WORTH = {"excd": "NAS", "symb": "AAPL", "rsym": "DNASAAPL", "rank": "1", "valx": "3700000000", "shar": "14800000000"}
_WORTH |= {"last": "250.0000"}
_NAMES = ("AAPL", "TSLA", "BRK/B", "JPM")
_TICKERS = {"AAPL": "AAPL", "TSLA": "TSLA", "BRK/B": "BRK.B"}
_ODD_WORTH = ODD | st.sampled_from(["1" + "0" * 18, "9" * 305, "NYS", "DNASTSLA", "0", "2"])


def _worth_rows() -> st.SearchStrategy[Any]:
    """Rows of a value search: sound, odd, or none at all."""
    sound = st.builds(
        lambda name, rank: {**_WORTH, "symb": name, "rsym": f"DNAS{name}", "rank": str(rank)},
        st.sampled_from(_NAMES),
        st.integers(1, 5),
    )
    bent = st.builds(
        lambda row, odd: {**row, **odd},
        sound,
        st.dictionaries(st.sampled_from(list(_WORTH)), _ODD_WORTH, max_size=3),
    )
    return st.one_of(sound, sound, sound, bent, st.just({}), ANY_JSON)


@settings(max_examples=100, **QUICK)
@given(
    pages=st.lists(st.lists(_worth_rows(), max_size=6), min_size=1, max_size=4),
    counted=st.sampled_from(["0", "1", "2", "3", "4", "99999999999999999999", ""]) | ODD,
    more=st.sampled_from(["", "F", "M", "x"]),
)
def test_any_value_search_ends_with_values_of_its_names_or_an_error_of_the_contract(
    host: Host, adapters: dict[str, KisAdapter], pages: list[list[Any]], counted: Any, more: str
) -> None:
    host.serve([envelope(output1={"trec": counted}, output2=page) for page in pages])
    host.more = more
    try:
        found = search.values(adapters["US"]._wire, "NAS", _TICKERS, floor=1e8, region="US", provider="kis")
    except CONTRACT:
        return
    finally:
        host.more = ""
        # Two sweeps of at most 200 pages, however many names the answer counts.
        assert host.answered <= 2 * 200
    assert set(found.worth) <= set(_TICKERS.values())
    for value, shares in found.worth.values():
        assert value is None or 0 < value < math.inf
        assert shares is None or 0 < shares < 2**63
    assert found.refused.schema == REFUSED
    assert found.refused["reason"].null_count() == 0


def test_shares_in_thousands_beyond_every_count_are_no_shares(host: Host, adapters: dict[str, KisAdapter]) -> None:
    """The product with the unit must fit a column, not only what the wire says."""
    row = {**_WORTH, "valx": "9" * 19, "shar": "9" * 18, "last": "10.0000"}
    host.serve([envelope(output1={"trec": "1"}, output2=[row])])
    try:
        found = search.values(adapters["US"]._wire, "NAS", _TICKERS, floor=1e8, region="US", provider="kis")
    except CONTRACT:
        return
    assert all(shares is None or shares < 2**63 for _, shares in found.worth.values())
