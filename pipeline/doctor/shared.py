"""Checks of what all processes of the machine share: slots used, complaints, breakers, tokens. Reads only, names no key."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding
from pipeline.errors import StoreError

#: Below this share of its limit a provider that complained is still being spared.
_FULL_PACE = 0.99


def limiter(state: Path) -> Iterator[Finding]:
    """What the shared limiter has counted lately, by provider and key hash, and which breakers are open."""
    from adapters import breaker
    from adapters import limiter as rate
    from adapters.machine import FILE

    path = state / FILE
    if not path.exists():
        yield Finding("shared limits", "ok", f"{path}: nothing was asked from this machine yet")
        return
    try:
        usage = rate.usage_by_key(state)
        opened = breaker.open_breakers(state)
    except StoreError as error:
        todo = "nothing, if no command runs: a damaged file is set aside and begun anew by the next one"
        yield Finding("shared limits", "wrong", str(error), todo)
        return
    if usage is None:
        yield Finding("shared limits", "ok", f"{path}: nothing was asked since the machine started")
        return
    told = ", ".join(
        f"{key} {used.last_second:,} in the last second and {used.last_minute:,} in the last minute"
        for key, used in usage.items()
        if used.last_minute
    )
    yield Finding("shared limits", "ok", f"requests of all processes: {told or 'none in the last minute'}")
    for key, used in usage.items():
        if used.pace < _FULL_PACE:
            words = f"{key}: the provider said too fast; asked at {used.pace:.0%} of the limit, faster again by and by"
            todo = "nothing; if it stays: lower the limit in settings to what the key has"
            yield Finding("shared limits", "notice", words, todo)
    for one in opened:
        words = f"{one.key} {one.capability}: not asked since {one.failures} failures in a row, {one.seconds:,.0f} s ago"
        todo = "nothing: one request tries again; if it stays, look at the provider's words"
        yield Finding("breaker", "notice", f"{words} ({one.reason})", todo)


def tokens(state: Path, now: dt.datetime) -> Iterator[Finding]:
    """How old the tokens of this machine are; never a token."""
    for path in sorted((state / "tokens").glob("*.json")):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            times = {name: dt.datetime.fromisoformat(text) for name, text in stored.items() if name in _TIMES and text}
        except (OSError, ValueError, AttributeError) as error:
            todo = "nothing: the next command asks for a new token"
            yield Finding("token", "notice", f"{path}: can't be read ({type(error).__name__})", todo)
            continue
        refused_until = times.get("refused_until")
        if refused_until is not None and refused_until > now:
            until, reason = f"{refused_until:%Y-%m-%d %H:%M} UTC", stored.get("refused_reason")
            words = f"{path.stem}: the keys were refused and are not tried before {until}: {reason}"
            yield Finding("token", "wrong", words, "correct the keys; new ones are tried at once")
        elif "issued_at" in times and "expires_at" in times:
            issued, ends = f"{times['issued_at']:%Y-%m-%d %H:%M}", f"{times['expires_at']:%Y-%m-%d %H:%M} UTC"
            words = f"{path.stem}: issued {issued}, {'ended' if times['expires_at'] <= now else 'ends'} {ends}"
            yield Finding("token", "ok", words)


_TIMES = ("issued_at", "expires_at", "refused_until")
