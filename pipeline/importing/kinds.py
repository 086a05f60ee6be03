"""The kinds of files that can be imported, and what their prices may be."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["sqlite", "csv", "parquet"]
Basis = Literal["raw", "split_adjusted", "unknown"]

KINDS: tuple[Kind, ...] = get_args(Kind)
BASES: tuple[Basis, ...] = get_args(Basis)
