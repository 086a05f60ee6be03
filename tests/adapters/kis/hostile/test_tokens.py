"""Tokens that are none: kept, one would make every request of its 24 hours fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.kis import KisAdapter

from .answers import END, SAMSUNG


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

    history = adapter.history(SAMSUNG, END, END)

    assert (history.bars.height, script.issues()) == (1, 2)


@pytest.mark.parametrize("lifetime", [None, "", "0", "-5", "1e9", "９", 1.5, True, [], "9" * 30], ids=repr)
def test_a_token_without_a_lifetime_is_asked_for_again(lifetime: Any, script: Any, adapter: KisAdapter, wire_rows: Any) -> None:
    lifetimes = iter([lifetime])
    script.token = lambda number: (200, {"access_token": f"token-{number}", "expires_in": next(lifetimes, 86400)})
    script.answers["FHKST03010100"] = wire_rows.served([wire_rows.bar_row(END)])

    history = adapter.history(SAMSUNG, END, END)

    assert (history.bars.height, script.issues()) == (1, 2)
