"""Our own SQL, one statement (or one script) a file under `sql/internal/`."""

from __future__ import annotations

from functools import cache

from pipeline import resources


@cache
def statement(name: str) -> str:
    """Text of `sql/internal/<name>.sql`; `name` may hold a folder (`store/insert_bars`)."""
    return resources.path("sql", "internal", *f"{name}.sql".split("/")).read_text(encoding="utf-8")
