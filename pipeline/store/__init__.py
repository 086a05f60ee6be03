"""The market store: one DuckDB file, one writer, free readers on published replicas.

`Store(home)` is the door; `Batch` and its schemas are what goes through it. Names are looked up when they are first used: a
reader of replicas needs neither polars nor pyarrow, which is 0.2 s of a process's start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.store.bars import write_index_bars
    from pipeline.store.batch import Batch, Committed, commit_batch
    from pipeline.store.origin import require_origin
    from pipeline.store.schemas import (
        LISTING_RANGES,
        QUARANTINE,
        SESSION_STATES,
        STORED_ACTIONS,
        STORED_BARS,
        STORED_INDEX_BARS,
    )
    from pipeline.store.store import Store

__all__ = [
    "LISTING_RANGES",
    "QUARANTINE",
    "SESSION_STATES",
    "STORED_ACTIONS",
    "STORED_BARS",
    "STORED_INDEX_BARS",
    "Batch",
    "Committed",
    "Store",
    "commit_batch",
    "require_origin",
    "write_index_bars",
]

_MODULES = {
    "Batch": "batch",
    "Committed": "batch",
    "Store": "store",
    "commit_batch": "batch",
    "require_origin": "origin",
    "write_index_bars": "bars",
}


def __getattr__(name: str) -> Any:
    """One of `__all__`, from the module that holds it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'schemas')}"), name)
