"""Tick sizes by venue and date, read from the tables beside this module (sources in their heads).

Prices are whole numbers: KRW in Korea, ten-thousandths of a dollar in the US (a market's `scale`).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from pipeline.errors import UsageError

#: What one unit of a table's currency is in whole numbers.
SCALES = {
    "krx_ticks.csv": 1,
    "us_ticks.csv": 10_000,
    "cn_ticks.csv": 1_000,
    "hk_ticks.csv": 1_000,
    "jp_ticks.csv": 10,
    "vn_ticks.csv": 1,
    "au_ticks.csv": 1_000,
    "uk_ticks.csv": 100,
    "eu_ticks.csv": 100,
}
#: KRX price limit around the base price since 2015-06-15 (15% before; generated returns stay inside that, too).
LIMIT = 0.30


class TickGrid:
    """The price steps of one venue under one rule: `ticks[i]` applies to prices under `bounds[i]`."""

    def __init__(self, bounds: list[int], ticks: list[int]) -> None:
        self._bounds = bounds
        self._ticks = ticks

    def tick(self, price: float) -> int:
        """The step a price of this size moves in."""
        return self._ticks[bisect_right(self._bounds, price)]

    def nearest(self, price: float) -> int:
        """The grid price closest to `price`, never under one tick."""
        tick = self._ticks[bisect_right(self._bounds, price)]
        return int(price / tick + 0.5) * tick or tick

    def down(self, price: float) -> int:
        """The highest grid price that is not above `price`."""
        tick = self.tick(price)
        return int(price // tick) * tick

    def up(self, price: float) -> int:
        """The lowest grid price that is not under `price`."""
        tick = self.tick(price)
        return -int(-price // tick) * tick

    def limits(self, base: int, limit: float = LIMIT) -> tuple[int, int]:
        """Lower and upper price limit of a session with this base price, cut to the grid towards the base."""
        return self.up(base * (1 - limit)), self.down(base * (1 + limit))


@cache
def grid(venue: str, day: date) -> TickGrid:
    """The grid of `venue` (MIC) on `day`; `UsageError` where the table has no rule."""
    found: TickGrid | None = None
    for since, rule in _rules().get(venue, []):
        if since <= day:
            found = rule
    if found is None:
        raise UsageError(f"no tick size known for venue {venue!r} on {day}: add it to one of {', '.join(SCALES)}")
    return found


@cache
def _rules() -> dict[str, list[tuple[date, TickGrid]]]:
    """Venue -> its rules, ascending by the date they came into force."""
    rules: dict[str, list[tuple[date, TickGrid]]] = {}
    for file_name, scale in SCALES.items():
        rows: dict[tuple[str, str], list[tuple[str, str]]] = {}
        text = Path(__file__).with_name(file_name).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        for line in lines[1:]:
            venue, since, below, tick = line.split(",")
            rows.setdefault((venue, since), []).append((below, tick))
        for (venue, since), steps in sorted(rows.items()):
            bounds = [int(Decimal(below) * scale) for below, _ in steps if below]
            ticks = [int(Decimal(tick) * scale) for _, tick in steps]
            rules.setdefault(venue, []).append((date.fromisoformat(since), TickGrid(bounds, ticks)))
    return rules
