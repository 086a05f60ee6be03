"""Answers around the rows: bodies no reader takes, envelopes of any shape, words that can't be printed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.answer import Answer
from adapters.kis import KisAdapter
from adapters.kis.wire import judge
from pipeline.errors import Terminal, Transient, Unavailable, Unsupported

from .answers import ANY_JSON, ODD, QUICK, envelope
from .host import Host
from .series import BY_NAME


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=60, **QUICK)
@given(data=st.data())
def test_any_envelope_is_an_answer_or_an_error_of_the_contract(
    name: str, host: Host, adapters: dict[str, KisAdapter], data: st.DataObject
) -> None:
    series = BY_NAME[name]
    head = data.draw(ANY_JSON | st.just(series.head))
    rows = data.draw(ANY_JSON | st.lists(ANY_JSON | st.just({}), max_size=3))
    host.serve([envelope(output1=head, output2=rows)])
    is_shaped = isinstance(head, dict) and isinstance(rows, list)
    # Neither a row nor the code: so the wire answers for an index that it does not have.
    is_unknown = is_shaped and series.is_index and head != series.head and all(row == {} for row in rows)
    expected = Unsupported if is_unknown else None if is_shaped else Unavailable
    found: Any = None
    raised: type[Exception] | None = None
    try:
        found = series.ask(adapters[series.region])
    except (Unsupported, Unavailable) as error:
        raised = type(error)
    assert raised is expected
    if found is not None:
        assert found.bars.is_empty()
        assert found.refused.height == sum(row != {} for row in rows) * found.pages


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


def test_half_a_surrogate_pair_in_an_errors_words_can_be_printed(host: Host, adapters: dict[str, KisAdapter]) -> None:
    host.serve([json.dumps({"rt_cd": "1", "msg_cd": "EGW\udc00", "msg1": "\ud800 wrong"}).encode()])
    with pytest.raises(Unavailable) as caught:
        BY_NAME["KR bars"].ask(adapters["KR"])
    str(caught.value).encode()


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
