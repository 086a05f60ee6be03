"""The market store: one DuckDB file, one writer, free readers on published replicas.

`Store(home)` is the door; `Batch` and its schemas are what goes through it.
"""

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
