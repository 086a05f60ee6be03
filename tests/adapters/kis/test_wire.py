"""The envelope: what a code means, and that a token dies without losing an answer."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Basis, Instrument
from adapters.kis import Credentials, KisAdapter, PriceBasis
from adapters.kis.errors import KeysRefused, NotOnThisHost, TokenRejected, TokenTooSoon
from adapters.kis.wire import DAILY_CHART, DAILY_PRICE, OVERSEAS_DAILY, judge
from adapters.transport import Answer
from pipeline.errors import ConfigError, RateLimited, Terminal, Transient, Unavailable

TR = "FHKST03010100"
DAY = dt.date(2024, 6, 28)
RECORDED = Path(__file__).parents[4] / "shared" / "api" / "recorded" / "kis_measured" / "error_bodies.json"


def answer(status: int, body: Any) -> Answer:
    payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Answer(status, {}, payload, 0.0)


def failure(code: str, words: str = "", rt_cd: str = "1") -> dict[str, str]:
    return {"rt_cd": rt_cd, "msg_cd": code, "msg1": words}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, failure("EGW00201", "초당 거래건수를 초과하였습니다."), RateLimited),
        (200, failure("EGW00201"), RateLimited),
        (500, failure("EGW00121"), TokenRejected),
        (200, failure("EGW00123"), TokenRejected),
        (403, {"error_code": "EGW00133", "error_description": "1분당 1회"}, TokenTooSoon),
        (403, {"error_code": "EGW00103", "error_description": "유효하지 않은 AppKey입니다."}, KeysRefused),
        (403, {"error_code": "EGW00105", "error_description": ""}, KeysRefused),
        (500, failure("EGW00304"), KeysRefused),
        (500, failure("EGW02006", "모의투자 TR 이 아닙니다."), NotOnThisHost),
        (200, failure("EGW00001"), Transient),
        (500, failure("EGW00302"), Transient),
        (500, failure("EGW99999"), Transient),
        (200, failure(""), Transient),
        (200, failure("OPSQ2001", "ERROR INPUT FIELD NOT FOUND [FID_INPUT_ISCD]", "2"), Terminal),
        (200, failure("KIOK0560", "unknown product", "7"), Terminal),
        (200, b"", Transient),
        (200, b"   ", Transient),
        (200, b'{"rt_cd": "0", "output', Transient),
        (200, b"<html>", Transient),
        (200, [], Transient),
        (200, "text", Transient),
        (200, {}, Transient),
        (200, {"output2": []}, Transient),
        (500, {"rt_cd": "0", "msg_cd": "MCA00000"}, Transient),
    ],
)
def test_an_answer_is_judged_by_its_code(status: int, body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        judge(answer(status, body), "kis X 005930")
    assert type(raised.value) is kind
    assert str(raised.value).startswith("kis X 005930: ")


def test_success_is_the_body_and_a_proxys_page_is_left_to_its_status() -> None:
    assert judge(answer(200, {"rt_cd": "0", "output": {}}), "x") == {"rt_cd": "0", "output": {}}
    assert judge(answer(200, {"access_token": "t"}), "x", enveloped=False) == {"access_token": "t"}
    assert judge(answer(404, b"<html>"), "x") == {}
    assert judge(answer(502, b"[]"), "x") == {}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside this checkout")
def test_recorded_error_bodies_are_known() -> None:
    kinds = {
        "oauth_rate_limit": TokenTooSoon,
        "oauth_bad_appkey": KeysRefused,
        "invalid_token": TokenRejected,
        "expired_token": TokenRejected,
        "rate_limit": RateLimited,
        "paper_real_only_tr": NotOnThisHost,
    }
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert recorded.keys() == kinds.keys()
    for name, one in recorded.items():
        with pytest.raises(kinds[name]):
            judge(answer(one["http"], one["body"]), name)


def test_the_adjusted_flag_is_inverted_between_transactions() -> None:
    assert [PriceBasis.RAW.flag(tr) for tr in (DAILY_CHART, DAILY_PRICE, OVERSEAS_DAILY)] == ["1", "0", "0"]
    assert [PriceBasis.ADJUSTED.flag(tr) for tr in (DAILY_CHART, DAILY_PRICE, OVERSEAS_DAILY)] == ["0", "1", "1"]
    assert (PriceBasis.RAW.basis, PriceBasis.ADJUSTED.basis) == (Basis.RAW, Basis.SPLIT_ADJUSTED)


def test_keys_are_stripped_and_never_shown() -> None:
    credentials = Credentials(" planted-key\n", "planted-secret\r\n")
    assert (credentials.app_key, credentials.app_secret) == ("planted-key", "planted-secret")
    assert "planted" not in repr(credentials)
    for key, secret, name in (
        ("", "x", "KIS_APP_KEY"),
        ("x", "planted secret", "KIS_APP_SECRET"),
        ("열쇠", "x", "KIS_APP_KEY"),
    ):
        with pytest.raises(ConfigError, match=name) as raised:
            Credentials(key, secret)
        assert "planted" not in str(raised.value)


@pytest.mark.parametrize("code", ["EGW00121", "EGW00123"])
def test_a_token_that_dies_on_the_way_costs_no_answer(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any, code: str
) -> None:
    ok = wire_rows.served([wire_rows.bar_row(DAY)])
    script.answers[TR] = lambda one: (
        ok(one) if one.headers["authorization"] == "Bearer token-2" else (500, failure(code))
    )
    assert adapter.history(samsung, DAY, DAY).bars.height == 1
    assert script.issues() == 2
    assert adapter.history(samsung, DAY, DAY).bars.height == 1
    assert script.issues() == 2


def test_the_same_rejected_token_again_ends_in_words_and_not_in_a_loop(
    script: Any, adapter: KisAdapter, samsung: Instrument
) -> None:
    script.token = lambda number: (200, {"access_token": "dead", "expires_in": 86400})
    script.answers[TR] = lambda one: (500, failure("EGW00123", "기간이 만료된 token 입니다."))
    for _ in range(3):
        with pytest.raises(Unavailable, match="hands out the same one") as raised:
            adapter.history(samsung, DAY, DAY)
    assert raised.value.retry_at is not None
    assert (script.issues(), len(script.of(TR))) == (2, 1)


def test_tokens_that_are_all_rejected_end_in_words(script: Any, adapter: KisAdapter, samsung: Instrument) -> None:
    script.answers[TR] = lambda one: (500, failure("EGW00121"))
    with pytest.raises(Unavailable, match="tokens before it"):
        adapter.history(samsung, DAY, DAY)
    assert script.issues() == 3


def test_dying_tokens_of_many_processes_open_no_breaker(
    script: Any, settings_home: Path, samsung: Instrument, wire_rows: Any, adapter_on: Callable[..., KisAdapter]
) -> None:
    ok = wire_rows.served([wire_rows.bar_row(DAY)])
    dead = {"Bearer token-1"}
    script.answers[TR] = lambda one: (500, failure("EGW00123")) if one.headers["authorization"] in dead else ok(one)
    adapters = [adapter_on(script, settings_home / "state") for _ in range(8)]
    for one in adapters:
        one._wire._tokens.token()
    assert [one.history(samsung, DAY, DAY).bars.height for one in adapters] == [1] * 8
    assert script.issues() == 2


def test_refused_keys_are_asked_once_and_told_without_the_keys(
    script: Any, adapter: KisAdapter, samsung: Instrument
) -> None:
    script.token = lambda number: (
        403,
        {"error_code": "EGW00105", "error_description": "유효하지 않은 AppSecret입니다."},
    )
    for _ in range(3):
        with pytest.raises(Unavailable, match=r"check KIS_APP_SECRET .*no trailing newline") as raised:
            adapter.history(samsung, DAY, DAY)
        assert "KKKK" not in str(raised.value)
        assert "SSSS" not in str(raised.value)
    assert script.issues() == 1


def test_a_token_answer_without_a_token_is_tried_again(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    broken: list[tuple[int, Any]] = [(200, {"access_token": ""}), (500, b"")]
    script.token = lambda number: broken.pop() if broken else (200, {"access_token": "good", "expires_in": "86400"})
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(DAY)])
    assert adapter.history(samsung, DAY, DAY).bars.height == 1
    assert script.issues() == 3


def test_a_field_error_is_unavailable_at_once(script: Any, adapter: KisAdapter, samsung: Instrument) -> None:
    script.answers[TR] = lambda one: (200, failure("OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE", "2"))
    with pytest.raises(Unavailable, match="005930: OPSQ2001 ERROR INVALID"):
        adapter.history(samsung, DAY, DAY)
    assert len(script.of(TR)) == 1


def test_too_fast_is_slowed_down_and_asked_again(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    ok = wire_rows.served([wire_rows.bar_row(DAY)])
    refusals = iter((True, True, False))
    script.answers[TR] = lambda one: (500, failure("EGW00201")) if next(refusals) else ok(one)
    assert adapter.history(samsung, DAY, DAY).bars.height == 1
