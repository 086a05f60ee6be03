"""One KIS token for all processes of the machine.

The provider issues one token a minute and key, answers with the same token for six hours, lets it live for a day, and
sends the account's owner a message at each issue. So the token stands in a 0600 file beside the limiter's state, every
process reads it from there, and whoever finds none takes a file lock before asking. What the provider said about the
next request (too soon, keys refused, the same dead token again) stands in the same file, so that nobody asks again in
vain.

Times are the machine's real clock, never the run's: a token dies by the provider's clock, also when a replay runs in
2024.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from adapters.kis.errors import KeysRefused, TokenTooSoon
from adapters.transport import key_hash
from pipeline.errors import Terminal, Unavailable

#: A token is replaced this long before it ends, so that none dies inside a page walk.
RENEW_MARGIN = dt.timedelta(minutes=10)
#: Until this long after an issue the provider answers with the same token: asking earlier is useless.
SAME_TOKEN = dt.timedelta(hours=6)
#: One token a minute, plus a second for two clocks that disagree.
ISSUE_GAP = dt.timedelta(seconds=61)
#: How long a caller waits for a minute that somebody else has used up.
PATIENCE = dt.timedelta(seconds=65)
#: Refused keys are not tried again for this long: repeated failures lock the key.
REFUSAL = dt.timedelta(minutes=10)
#: A rejected token that the provider hands out again is tried once in this time: it may have been a slip of one
#: gateway.
PROBE_GAP = dt.timedelta(seconds=60)
#: Longest wait for the file lock: a holder makes one token request with its attempts.
_LOCK_PATIENCE = 180.0


@dataclass(frozen=True)
class IssuedToken:
    """A token as the provider just gave it, and its lifetime in seconds."""

    token: str
    lifetime: int


@dataclass(frozen=True)
class _State:
    """What the file holds. Times are ISO 8601 in UTC."""

    token: str | None = None
    issued_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    #: The provider handed this very token out again after rejecting it; next probe.
    probe_at: dt.datetime | None = None
    #: Nobody asks for a token before this.
    not_before: dt.datetime | None = None
    refused_until: dt.datetime | None = None
    refused_secret: str | None = None
    refused_reason: str | None = None


_TIMES = frozenset({"issued_at", "expires_at", "probe_at", "not_before", "refused_until"})


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Tokens:
    """The token of one app key on one host.

    `folder` holds `<key hash>-<host hash>.json` and its lock file. `issue` asks the provider (raises TokenTooSoon,
    KeysRefused, Terminal or Unavailable). `now` and `sleep` are replaced in tests only. Safe for many threads and
    processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        app_key: str,
        app_secret: str,
        host: str,
        issue: Callable[[], IssuedToken],
        now: Callable[[], dt.datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        name = f"{key_hash(app_key)}-{key_hash(host)}"
        self.path = folder / f"{name}.json"
        self._lock_path = folder / f"{name}.lock"
        self._secret_hash = key_hash(app_secret)
        self._host = host
        self._issue = issue
        self._now = now
        self._sleep = sleep
        self._mutex = threading.Lock()
        self._cached: _State | None = None

    def token(self) -> str:
        """A token that should be taken; asks the provider only if no process has one.

        Unavailable (with retry_at where known) when none can be had: keys refused, the minute used up by others for
        longer than we wait, or a rejected token that the provider keeps handing out.
        """
        cached = self._cached
        if cached is not None and cached.token is not None and self._fresh(cached, self._now()):
            return cached.token
        return self._obtain(rejected=None)

    def renew(self, rejected: str) -> str:
        """A token other than `rejected`, which the host just refused. Asks only if nobody has replaced it yet."""
        self._cached = None
        return self._obtain(rejected=rejected)

    def confirm(self, token: str) -> None:
        """The host took `token`: forget doubts about it."""
        cached = self._cached
        if cached is not None and cached.token == token:
            return
        with self._locked():
            state = self._load()
            if state.token == token and state.probe_at is not None:
                state = replace(state, probe_at=None)
                self._save(state)
            if state.token == token:
                self._cached = state

    def refuse(self, reason: str) -> None:
        """The host refused the keys themselves: no process tries them again for a while."""
        self._cached = None
        with self._locked():
            self._save(self._refused(self._load(), reason))

    def _obtain(self, rejected: str | None) -> str:
        deadline = self._now() + PATIENCE
        while True:
            with self._locked():
                state = self._load()
                token = self._offer(state, rejected) or self._ask(state, rejected)
                if token is not None:
                    return token
                wait_until = self._load().not_before or self._now()
            now = self._now()
            if wait_until > deadline:
                raise Unavailable(
                    f"kis: no token for {self._host}: the provider issues one a minute and somebody keeps using it up; "
                    f"again at {_show(wait_until)}",
                    retry_at=wait_until,
                )
            # In short steps: another process may store a token meanwhile.
            self._sleep(min(2.0, max(0.05, (wait_until - now).total_seconds())))

    def _offer(self, state: _State, rejected: str | None) -> str | None:
        """The stored token if it may be used; None if one has to be asked for; Unavailable if asking is in vain."""
        now = self._now()
        until = state.refused_until
        if until is not None and state.refused_secret == self._secret_hash and now < until <= now + REFUSAL:
            raise Unavailable(
                f"{state.refused_reason} (not tried again before {_show(until)}, so that the key is not locked; "
                "another secret is tried at once)",
                retry_at=until,
            )
        if state.token is None:
            return None
        if state.probe_at is not None and now < self._same_until(state):
            if state.token != rejected and not now < state.probe_at <= now + PROBE_GAP:
                self._save(replace(state, probe_at=now + PROBE_GAP))
                return state.token
            raise self._same_again(state)
        if state.token == rejected or not self._fresh(state, now):
            return None
        self._cached = state
        return state.token

    def _ask(self, state: _State, rejected: str | None) -> str | None:
        """Ask the provider and store what it says; None when its minute is used up."""
        now = self._now()
        usable = state.token if state.token != rejected and _before(now, state.expires_at) else None
        if state.not_before is not None and now < state.not_before <= now + ISSUE_GAP:
            return usable
        try:
            issued = self._issue()
        except TokenTooSoon:
            self._save(replace(state, not_before=self._now() + ISSUE_GAP))
            return usable
        except KeysRefused as error:
            self._save(self._refused(state, str(error)))
            raise Unavailable(str(error)) from error
        except Unavailable:
            if usable is None:
                raise
            self._save(replace(state, not_before=self._now() + ISSUE_GAP))
            return usable
        except Terminal as error:
            raise Unavailable(str(error)) from error
        now = self._now()
        expires_at = now + dt.timedelta(seconds=issued.lifetime)
        if issued.token != state.token:
            state = _State(token=issued.token, issued_at=now, expires_at=expires_at)
        elif not _before(now, state.expires_at):
            state = replace(state, expires_at=expires_at, not_before=None)
        else:
            # An early renewal that brought the same token: not again for every call.
            state = replace(state, not_before=now + ISSUE_GAP)
        if issued.token == rejected:
            state = replace(state, probe_at=now + PROBE_GAP, not_before=None)
            self._save(state)
            raise self._same_again(state)
        state = replace(state, probe_at=None, refused_until=None, refused_secret=None, refused_reason=None)
        self._save(state)
        self._cached = state
        return state.token

    def _fresh(self, state: _State, now: dt.datetime) -> bool:
        """Valid, and not yet to be renewed: early renewal waits until the provider would give another token."""
        if state.expires_at is None or not now < state.expires_at:
            return False
        return now < state.expires_at - RENEW_MARGIN or now < self._same_until(state)

    def _same_until(self, state: _State) -> dt.datetime:
        """Until when the provider answers with the stored token."""
        return (state.issued_at or self._now()) + SAME_TOKEN

    def _same_again(self, state: _State) -> Unavailable:
        until = self._same_until(state)
        return Unavailable(
            f"kis: {self._host} rejects the token it issued at {_show(state.issued_at)} and hands out the same one "
            f"again, as it does for six hours after an issue: no other token before {_show(until)}",
            retry_at=until,
        )

    def _refused(self, state: _State, reason: str) -> _State:
        return replace(
            state,
            refused_until=self._now() + REFUSAL,
            refused_secret=self._secret_hash,
            refused_reason=reason,
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One thread of one process at a time; the lock goes with its holder, also when that is killed."""
        with self._mutex:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise self._unusable(error) from error
            try:
                patience = time.monotonic() + _LOCK_PATIENCE
                while True:
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        if time.monotonic() > patience:
                            raise Unavailable(
                                f"kis: {self._lock_path} has been locked by another process for "
                                f"{_LOCK_PATIENCE:.0f} s: look for a stopped spock process"
                            ) from None
                        time.sleep(0.01)
                yield
            finally:
                os.close(descriptor)

    def _load(self) -> _State:
        """What the file holds; a missing or damaged file is an empty one."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return _State()
        except ValueError:
            return _State()
        except OSError as error:
            raise self._unusable(error) from error
        if not isinstance(stored, dict):
            return _State()
        values: dict[str, object] = {}
        for name in (field.name for field in fields(_State)):
            value = stored.get(name)
            if not isinstance(value, str):
                continue
            if name in _TIMES:
                try:
                    moment = dt.datetime.fromisoformat(value)
                except ValueError:
                    return _State()
                if moment.tzinfo is None:
                    return _State()
                values[name] = moment
            else:
                values[name] = value
        return _State(**values)  # type: ignore[arg-type]

    def _save(self, state: _State) -> None:
        """Replace the file atomically; it is 0600 from its first byte on."""
        values = {
            field.name: value.isoformat() if isinstance(value := getattr(state, field.name), dt.datetime) else value
            for field in fields(_State)
        }
        # One name is enough under the lock, and what a killed process leaves there is overwritten by the next.
        draft = self.path.with_suffix(".new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(values, file)
            draft.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"kis: the token file {self.path} can't be used ({error.strerror}): check the owner and mode of its "
            "folder, or set SPOCK_STATE_DIR to one that can be written"
        )


def _before(now: dt.datetime, moment: dt.datetime | None) -> bool:
    return moment is not None and now < moment


def _show(moment: dt.datetime | None) -> str:
    return "an unknown time" if moment is None else moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
