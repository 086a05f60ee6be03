"""One token for all processes: asked for once, kept 0600, replaced when it dies."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.kis.errors import KeysRefused, TokenTooSoon
from adapters.kis.token import IssuedToken, Tokens
from pipeline.errors import Terminal, Unavailable

START = dt.datetime(2026, 1, 5, 0, 0, tzinfo=dt.UTC)


class Provider:
    """A provider's token desk with a clock of its own; `says` overrides what it answers, in order."""

    def __init__(self, folder: Path, secret: str = "S" * 180) -> None:
        self.now = START
        self.asked = 0
        self.says: list[str | Exception] = []
        self.lifetime = 86400
        self.tokens = self.process(folder, secret)

    def process(self, folder: Path, secret: str = "S" * 180) -> Tokens:
        return Tokens(
            folder / "tokens",
            app_key="K" * 36,
            app_secret=secret,
            host="https://host",
            issue=self.issue,
            now=lambda: self.now,
            sleep=self.sleep,
        )

    def issue(self) -> IssuedToken:
        self.asked += 1
        said = self.says.pop(0) if self.says else f"token-{self.asked}"
        if isinstance(said, Exception):
            raise said
        return IssuedToken(said, self.lifetime)

    def sleep(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)

    def pass_time(self, **span: float) -> None:
        self.now += dt.timedelta(**span)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


def test_a_token_is_asked_for_once_and_read_by_the_next_process(provider: Provider, tmp_path: Path) -> None:
    assert provider.tokens.token() == "token-1"
    assert provider.tokens.token() == "token-1"
    assert provider.process(tmp_path).token() == "token-1"
    assert provider.asked == 1


def test_the_file_is_for_its_owner_only_and_names_no_key(provider: Provider) -> None:
    provider.tokens.token()
    assert stat.S_IMODE(provider.tokens.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(provider.tokens.path.parent.stat().st_mode) == 0o700
    text = provider.tokens.path.name + provider.tokens.path.read_text(encoding="utf-8")
    assert "KKKK" not in text
    assert "SSSS" not in text
    assert [path.suffix for path in sorted(provider.tokens.path.parent.iterdir())] == [".json", ".lock"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": 5}', '{"token": "x", "expires_at": "soon"}'])
def test_a_damaged_file_is_an_empty_one(provider: Provider, content: str) -> None:
    provider.tokens.path.parent.mkdir()
    provider.tokens.path.write_text(content, encoding="utf-8")
    assert provider.tokens.token() == "token-1"


def test_it_is_renewed_shortly_before_it_ends(provider: Provider) -> None:
    provider.tokens.token()
    provider.pass_time(hours=23, minutes=49)
    assert provider.tokens.token() == "token-1"
    provider.pass_time(minutes=2)
    assert provider.tokens.token() == "token-2"
    assert provider.asked == 2


def test_a_short_lived_token_is_not_renewed_while_the_provider_would_give_the_same(provider: Provider) -> None:
    provider.lifetime = 3600
    provider.tokens.token()
    provider.pass_time(minutes=55)
    assert provider.tokens.token() == "token-1"
    assert provider.asked == 1


def test_an_early_renewal_that_fails_leaves_the_token_that_is_still_good(provider: Provider) -> None:
    provider.tokens.token()
    provider.pass_time(hours=23, minutes=55)
    provider.says = [Unavailable("no answer"), TokenTooSoon("EGW00133"), "token-1"]
    assert [provider.tokens.token() for _ in range(3)] == ["token-1"] * 3
    assert provider.asked == 2
    provider.pass_time(seconds=62)
    assert [provider.tokens.token() for _ in range(3)] == ["token-1"] * 3
    assert provider.asked == 3
    provider.pass_time(seconds=62)
    assert [provider.tokens.token() for _ in range(3)] == ["token-1"] * 3
    assert provider.asked == 4


def test_when_the_minute_is_used_up_it_waits_and_asks_once_more(provider: Provider) -> None:
    provider.says = [TokenTooSoon("EGW00133")]
    assert provider.tokens.token() == "token-2"
    assert dt.timedelta(seconds=60) < provider.now - START < dt.timedelta(seconds=65)


def test_who_waits_takes_the_token_that_somebody_else_stored(provider: Provider, tmp_path: Path) -> None:
    provider.says = [TokenTooSoon("EGW00133")]
    other = Provider(tmp_path)
    other.says = ["token-of-another"]

    def sleep(seconds: float) -> None:
        provider.pass_time(seconds=seconds)
        other.now = provider.now + dt.timedelta(seconds=62)
        other.tokens.token()

    provider.sleep = sleep  # type: ignore[method-assign]
    assert provider.process(tmp_path).token() == "token-of-another"
    assert (provider.asked, other.asked) == (1, 1)


def test_the_wait_for_the_minute_is_bounded(provider: Provider) -> None:
    provider.says = [TokenTooSoon("EGW00133"), TokenTooSoon("EGW00133"), TokenTooSoon("EGW00133")]
    with pytest.raises(Unavailable, match="one a minute") as raised:
        provider.tokens.token()
    assert provider.asked == 2
    assert provider.now - START < dt.timedelta(seconds=65)
    assert raised.value.retry_at is not None
    assert raised.value.retry_at > provider.now


def test_a_rejected_token_is_replaced_once_for_all(provider: Provider, tmp_path: Path) -> None:
    other = provider.process(tmp_path)
    assert provider.tokens.token() == other.token() == "token-1"
    assert provider.tokens.renew("token-1") == "token-2"
    assert other.renew("token-1") == "token-2"
    assert provider.tokens.renew("token-1") == "token-2"
    assert provider.asked == 2


def test_the_same_dead_token_again_is_told_and_not_asked_for_again(provider: Provider, tmp_path: Path) -> None:
    provider.tokens.token()
    provider.pass_time(hours=1)
    provider.says = ["token-1"]
    with pytest.raises(Unavailable, match="rejects the token it issued at 2026-01-05 00:00:00 UTC") as raised:
        provider.tokens.renew("token-1")
    assert raised.value.retry_at == START + dt.timedelta(hours=6)
    for tokens in (provider.tokens, provider.process(tmp_path)):
        with pytest.raises(Unavailable, match="2026-01-05 06:00:00 UTC"):
            tokens.token()
        with pytest.raises(Unavailable, match="2026-01-05 06:00:00 UTC"):
            tokens.renew("token-1")
    assert provider.asked == 2


def test_a_token_in_doubt_is_tried_once_a_minute_and_trusted_again_when_it_works(provider: Provider) -> None:
    provider.tokens.token()
    provider.says = ["token-1"]
    with pytest.raises(Unavailable):
        provider.tokens.renew("token-1")
    provider.pass_time(seconds=61)
    assert provider.tokens.token() == "token-1"
    with pytest.raises(Unavailable):
        provider.tokens.token()
    provider.tokens.confirm("token-1")
    assert [provider.tokens.token() for _ in range(3)] == ["token-1"] * 3
    assert provider.asked == 2


def test_after_six_hours_a_dead_token_is_replaced(provider: Provider) -> None:
    provider.tokens.token()
    provider.says = ["token-1"]
    with pytest.raises(Unavailable):
        provider.tokens.renew("token-1")
    provider.pass_time(hours=6, minutes=1)
    assert provider.tokens.renew("token-1") == "token-3"


def test_refused_keys_are_not_tried_again_by_anybody_for_a_while(provider: Provider, tmp_path: Path) -> None:
    provider.says = [KeysRefused("EGW00103 the app key is not valid")]
    for tokens in (provider.tokens, provider.tokens, provider.process(tmp_path)):
        with pytest.raises(Unavailable, match="EGW00103"):
            tokens.token()
    assert provider.asked == 1
    assert provider.process(tmp_path, secret="T" * 180).token() == "token-2"
    provider.pass_time(minutes=11)
    assert provider.tokens.token() == "token-2"


def test_keys_refused_on_a_data_call_stop_all_processes(provider: Provider, tmp_path: Path) -> None:
    provider.tokens.token()
    provider.tokens.refuse("EGW00304 the app secret is not valid")
    for tokens in (provider.tokens, provider.process(tmp_path)):
        with pytest.raises(Unavailable, match="EGW00304"):
            tokens.token()
    provider.pass_time(minutes=11)
    assert provider.tokens.token() == "token-1"


def test_a_refusal_that_nobody_knows_is_unavailable(provider: Provider) -> None:
    provider.says = [Terminal("EGW00112 grant type")]
    with pytest.raises(Unavailable, match="EGW00112"):
        provider.tokens.token()


def test_a_folder_that_cant_be_written_is_named(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file where the folder belongs", encoding="utf-8")
    with pytest.raises(Unavailable, match="SPOCK_STATE_DIR"):
        provider.tokens.token()


def test_times_of_a_clock_that_was_wrong_dont_block(provider: Provider) -> None:
    provider.tokens.token()
    stored = json.loads(provider.tokens.path.read_text(encoding="utf-8"))
    far = (START + dt.timedelta(days=400)).isoformat()
    stored.update(token=None, not_before=far, refused_until=far, refused_secret="x", probe_at=far)
    provider.tokens.path.write_text(json.dumps(stored), encoding="utf-8")
    assert provider.tokens.renew("token-1") == "token-2"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_ten_threads_of_ten_processes_ask_for_one_token(
    script: Any, tmp_path: Path, adapter_on: Callable[..., Any]
) -> None:
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()

    def process() -> None:
        tokens = adapter_on(script, tmp_path)._wire._tokens
        found: list[tuple[str, str]] = []

        def ask() -> None:
            first = tokens.token()
            found.append((first, tokens.renew("token-1")))

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers.put(found)

    processes = [fork.Process(target=process) for _ in range(10)]
    for one in processes:
        one.start()
    found = [pair for _ in processes for pair in answers.get()]
    for one in processes:
        one.join()
    assert len(found) == 100
    assert {first for first, _ in found} <= {"token-1", "token-2"}
    assert {second for _, second in found} == {"token-2"}
    assert script.issues() == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_killed_while_it_asks_blocks_nobody(provider: Provider, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    holding = fork.Event()

    def ask_for_ever() -> None:
        def issue() -> IssuedToken:
            holding.set()
            time.sleep(60)
            raise AssertionError("killed before")

        provider.issue = issue  # type: ignore[method-assign]
        provider.process(tmp_path).token()

    process = fork.Process(target=ask_for_ever)
    process.start()
    assert holding.wait(10)
    process.kill()
    process.join()
    assert provider.tokens.token() == "token-1"
