"""What a walk gathered, as the contract's frames: the same columns for KRX and overseas."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from adapters.base import BARS, INDEX_BARS, Basis, History, IndexHistory, Instrument
from adapters.kis.paging import Walk
from adapters.kis.share_events import ShareEvent, frame
from pipeline.errors import Unavailable, Unsupported

_NAMES = ("open", "high", "low", "close", "volume", "amount")


def history(found: Walk, instrument: Instrument, provider: str, basis: Basis, events: Sequence[ShareEvent] = ()) -> History:
    """`bars` (BARS) of one ticker, ascending, in the currency of `instrument`; `actions` (ACTIONS) of its `events`."""
    size = len(found.values)
    bars = pl.DataFrame(
        {
            "region": [instrument.region] * size,
            "ticker": [instrument.ticker] * size,
            **_columns(found),
            "currency": [instrument.currency] * size,
            "provider": [provider] * size,
            "basis": [basis.value] * size,
            "adjusted_through": [None] * size,
        },
        schema=BARS,
    )
    return History(
        bars=bars,
        refused=found.refusals.frame(),
        exhausted=found.exhausted,
        pages=found.pages,
        older=found.older,
        actions=frame(events, instrument, provider),
    )


def keep_partial(error: Unavailable, instrument: Instrument, provider: str, basis: Basis) -> None:
    """Turn what a walk had gathered before it broke off into a `History` that the error carries."""
    if isinstance(error.partial, Walk):
        error.partial = history(error.partial, instrument, provider, basis)


def levels(found: Walk, region: str, index_code: str, currency: str, provider: str) -> IndexHistory:
    """`bars` (INDEX_BARS) of one index, ascending; `index_code` is ours. Unsupported for one that the wire does not have."""
    if found.unknown:
        raise Unsupported(f"{provider}: does not have the index {index_code}")
    size = len(found.values)
    bars = pl.DataFrame(
        {
            "region": [region] * size,
            "index_code": [index_code] * size,
            **_columns(found),
            "currency": [currency] * size,
            "provider": [provider] * size,
        },
        schema=INDEX_BARS,
    )
    return IndexHistory(bars=bars, refused=found.refusals.frame(), pages=found.pages)


def _columns(found: Walk) -> dict[str, list[object]]:
    """Dates and values as the columns that bars and index levels share."""
    values = list(found.values.values())
    return {"date": list(found.values), **{name: [row[at] for row in values] for at, name in enumerate(_NAMES)}}
