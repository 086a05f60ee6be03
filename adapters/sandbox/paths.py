"""Reproducible random walks that can be entered in the middle.

A walk has an anchor at the start of every quarter; the sessions of one quarter are a bridge between two anchors,
drawn from a generator of their own. So any quarter of any series costs one quarter, whatever was asked before, and
comes out the same in every process. Only `Random.random()` is used, whose sequence Python guarantees.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

#: Widest single step in standard deviations: the sum of four uniforms is bounded, so no return leaves the price limits.
_SCALE = 3.0**0.5
_REVERSION = 0.93


def shock(rng: Random) -> float:
    """A near-normal draw: mean 0, variance 1, inside ±3.47."""
    uniform = rng.random
    return (uniform() + uniform() + uniform() + uniform() - 2.0) * _SCALE


def anchors(rng: Random, start: float, count: int, sigma: float) -> list[float]:
    """`count` log levels, one a quarter, beginning at `start` and drawn back to it, `sigma` a quarter."""
    levels = [start]
    for _ in range(count - 1):
        levels.append(start + (levels[-1] - start) * _REVERSION + shock(rng) * sigma)
    return levels


def bridge(rng: Random, moves: Sequence[float | None], start: float, end: float, sigma: float) -> list[float]:
    """Log levels of one quarter's sessions: from `start` before the first to exactly `end` on the last that moves.

    `moves` has one entry a session: None where nothing trades (the level stands still), else an extra return of that
    day (0.0, or minus the yield on an ex-dividend date).
    """
    steps = [None if extra is None else extra + shock(rng) * sigma for extra in moves]
    trading = [step for step in steps if step is not None]
    if not trading:
        return [start] * len(steps)
    correction = (end - start - sum(trading)) / len(trading)
    level = start
    left = len(trading)
    levels = []
    for step in steps:
        if step is not None:
            left -= 1
            level = level + step + correction if left else end
        levels.append(level)
    return levels
