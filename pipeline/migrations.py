"""Numbered SQL files that bring a database to today's schema: forward only, each in one transaction with its record.

The store (DuckDB) and the state (SQLite) apply them with their own connections; what is common is here: which files there
are, their checksums, and what has to hold between the files and the record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pipeline import resources
from pipeline.errors import MigrationError, StoreTooNew

_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One file: `number` orders it, `checksum` is the SHA-256 of its text."""

    number: int
    name: str
    sql: str
    checksum: str


@cache
def migrations(database: str) -> tuple[Migration, ...]:
    """The files of `migrations/<database>/` in order; raises `MigrationError` on a gap or an odd name."""
    found = []
    for path in sorted(resources.path("migrations", database).glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"migrations/{database}/{path.name}: a migration is named NNNN_words.sql")
        sql = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(int(match["number"]), match["name"], sql, checksum))
    if not found or [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations/{database}: numbers must run from 0001 without a gap; this install is incomplete")
    return tuple(found)


def pending(database: str, applied: Mapping[int, str], where: str) -> tuple[Migration, ...]:
    """What is still to be applied to a file whose record is `applied` (number -> checksum).

    Raises `StoreTooNew` when the record knows a migration that this Spock does not, `MigrationError` when a file changed
    after it ran.
    """
    known = migrations(database)
    newest = known[-1].number
    beyond = [number for number in applied if number > newest]
    if beyond:
        raise StoreTooNew(
            f"{where} was written by a newer Spock (schema {max(beyond)}, this one knows {newest}): "
            "upgrade Spock, or point SPOCK_HOME at another folder"
        )
    for migration in known:
        recorded = applied.get(migration.number)
        if recorded is not None and recorded != migration.checksum:
            raise MigrationError(
                f"{where}: migration {migration.number:04d}_{migration.name} changed after it ran there: "
                "reinstall this version of Spock, or restore the file it was made with"
            )
    return tuple(migration for migration in known if migration.number not in applied)
