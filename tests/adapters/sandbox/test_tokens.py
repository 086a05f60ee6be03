"""Token rules: one a minute, the same token for six hours, 24 hours of life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.sandbox import control, tokens
from adapters.sandbox.server import Sandbox

TOO_SOON = {"error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)", "error_code": "EGW00133"}


class Minutes:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> Minutes:
    clock = Minutes()
    monkeypatch.setattr(tokens, "time", clock)
    return clock


def test_an_issue_carries_its_end_in_korean_time(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    status, body = connect(start().url).login()
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 86_400)
    assert 200 < len(body["access_token"]) <= 350


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(days=400)])
def test_a_token_ends_a_day_after_the_later_of_the_sandboxs_and_the_clients_clock(
    start: Callable[..., Sandbox], connect: Callable[..., Any], ahead: timedelta
) -> None:
    wall = datetime.now(UTC)
    _, body = connect(start(now=wall + ahead).url).login()
    ends = datetime.strptime(body["access_token_token_expired"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Seoul"))
    expected = max(wall, wall + ahead) + timedelta(hours=24)
    assert abs(ends - expected) < timedelta(minutes=1)


def test_a_token_is_a_bearer_of_the_documented_length(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    _, body = connect(start().url).login()
    assert body["token_type"] == "Bearer"
    assert 200 < len(body["access_token"]) <= 350


def test_a_second_request_within_a_minute_is_refused_though_a_token_exists(
    start: Callable[..., Sandbox], connect: Callable[..., Any], minutes: Minutes
) -> None:
    client = connect(start().url)
    client.login()
    minutes.seconds += 59.9
    assert client.login() == (403, TOO_SOON)


def test_after_a_minute_the_same_token_is_answered_and_after_six_hours_a_new_one(
    start: Callable[..., Sandbox], connect: Callable[..., Any], minutes: Minutes, now: Any
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    _, first = client.login()
    minutes.seconds += 60
    control.set_clock(sandbox.url, now + timedelta(hours=5, minutes=59))
    status, second = client.login()
    assert (status, second["access_token"]) == (200, first["access_token"])
    assert second["access_token_token_expired"] == first["access_token_token_expired"]
    minutes.seconds += 60
    control.set_clock(sandbox.url, now + timedelta(hours=6))
    assert client.login()[1]["access_token"] != first["access_token"]
    assert control.report(sandbox.url)["tokens"] == {"issued": 2, "repeated": 1, "refused": 0}


def test_a_revoked_token_is_dead_and_still_the_one_of_its_six_hours(
    start: Callable[..., Sandbox], connect: Callable[..., Any], minutes: Minutes
) -> None:
    client = connect(start().url)
    _, first = client.login()
    keys = {"appkey": client.app_key, "appsecret": client.app_secret, "token": client.token}
    assert client.ask("POST", "/oauth2/revokeP", keys)[2]["code"] == 200
    assert client.daily("005930", "20261120", "20261120")[1]["msg_cd"] == "EGW00121"
    minutes.seconds += 60
    assert client.login()[1]["access_token"] == first["access_token"]


def test_a_token_dies_after_24_hours_of_the_sandbox_clock(
    start: Callable[..., Sandbox], connect: Callable[..., Any], now: Any
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    control.set_clock(sandbox.url, now + timedelta(hours=23, minutes=59))
    assert client.daily("005930", "20261120", "20261120")[0] == 200
    control.set_clock(sandbox.url, now + timedelta(hours=24))
    status, body = client.daily("005930", "20261120", "20261120")
    assert (status, body) == (500, {"rt_cd": "1", "msg_cd": "EGW00123", "msg1": "기간이 만료된 token 입니다."})


def test_without_limits_tokens_come_as_often_as_asked(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start(enforce_limits=False).url)
    _, first = client.login()
    status, second = client.login()
    assert (status, second["access_token"]) == (200, first["access_token"])


@pytest.mark.parametrize(
    ("app_key", "app_secret", "code"),
    [
        ("BAD".ljust(36, "0"), "S" * 180, "EGW00103"),
        ("K" * 35, "S" * 180, "EGW00103"),
        ("K" * 36, "S" * 180 + "\n", "EGW00105"),
    ],
)
def test_bad_keys_get_no_token(
    start: Callable[..., Sandbox], connect: Callable[..., Any], app_key: str, app_secret: str, code: str
) -> None:
    status, body = connect(start().url, app_key=app_key, app_secret=app_secret).login()
    assert (status, body["error_code"]) == (403, code)


def test_an_approval_key_needs_the_secretkey_field(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start().url)
    keys = {"grant_type": "client_credentials", "appkey": client.app_key, "secretkey": client.app_secret}
    status, _, body = client.ask("POST", "/oauth2/Approval", keys)
    assert status == 200
    assert 0 < len(body["approval_key"]) <= 286
