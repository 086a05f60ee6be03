"""Checks of what all processes of the machine share: slots used, complaints, breakers, tokens. Reads only, names no key."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pipeline.doctor.finding import Finding

#: Below this share of its limit a provider that complained is still being spared.
_FULL_PACE = 0.99


def limiter(state: Path) -> Iterator[Finding]:
    """What the shared limiter has counted lately, by provider and key hash, and which breakers are open."""
    from adapters import limiter as rate
    from adapters.machine import FILE, NS, boot_id, monotonic_ns, statements

    path = state / FILE
    if not path.exists():
        yield Finding("shared limits", "ok", f"{path}: nothing was asked from this machine yet")
        return
    now = monotonic_ns()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            (boot, _) = connection.execute(statements()["machine"]).fetchone() or ("", None)
            if boot != boot_id():
                yield Finding("shared limits", "ok", f"{path}: nothing was asked since the machine started")
                return
            windows = {"now": now, "second": now - NS, "minute": now - 60 * NS}
            used = connection.execute(statements()["used_lately"], windows).fetchall()
            paces = connection.execute(statements()["paces"]).fetchall()
            breakers = connection.execute(statements()["breakers"]).fetchall()
    except sqlite3.Error as error:
        todo = "nothing, if no command runs: a damaged file is set aside and begun anew by the next one"
        yield Finding("shared limits", "wrong", f"{path}: can't be read ({error})", todo)
        return
    told = ", ".join(f"{key} {second:,} in the last second and {minute:,} in the last minute" for key, second, minute in used)
    yield Finding("shared limits", "ok", f"requests of all processes: {told or 'none in the last minute'}")
    for key, share, changed_at, pause_until in paces:
        quiet = max(0, now - max(changed_at, pause_until)) / NS
        pace = min(1.0, share * (1.0 + rate.RECOVERY) ** min(quiet, 1000.0))
        if pace < _FULL_PACE:
            words = f"{key}: the provider said too fast; asked at {pace:.0%} of the limit, faster again by and by"
            todo = "nothing; if it stays: lower the limit in settings to what the key has"
            yield Finding("shared limits", "notice", words, todo)
    for key, capability, failures, opened_at, reason in breakers:
        if opened_at is not None:
            ago = (now - opened_at) / NS
            words = f"{key} {capability}: not asked since {failures} failures in a row, {ago:,.0f} s ago ({reason})"
            todo = "nothing: one request tries again; if it stays, look at the provider's words"
            yield Finding("breaker", "notice", words, todo)


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
