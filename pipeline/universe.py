"""Which listings a region has, and which of them are followed.

`instruments` holds dated listings: what changes about a listing's identity (venue, name, type, currency, code of the
security) closes its row and begins the next one. Rows are never deleted: a name that a provider's list no longer shows
keeps its row, since a provider's silence is not a delisting.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from pipeline.statements import statement
from pipeline.store.file import registered
from pipeline.store.incoming import append
from pipeline.store.origin import claim_origin
from pipeline.store.schemas import QUARANTINE

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

_UTC_TIME = pl.Datetime("us", "UTC")

#: Columns and dtypes of `instruments`, in the table's order.
LISTINGS = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
        "venue": pl.String(),
        "name": pl.String(),
        "local_name": pl.String(),
        "security_type": pl.String(),
        "issuer": pl.String(),
        "is_primary": pl.Boolean(),
        "currency": pl.String(),
        "isin": pl.String(),
        "figi": pl.String(),
        "lot": pl.Int64(),
        "listed_from": pl.Date(),
        "listed_until": pl.Date(),
        "shares": pl.Int64(),
        "value": pl.Float64(),
        "sector_code": pl.String(),
        "sector_gics": pl.String(),
        "sector_source": pl.String(),
        "followed": pl.Boolean(),
        "previous_ticker": pl.String(),
        "provider": pl.String(),
        "seen_at": _UTC_TIME,
        "known_at": _UTC_TIME,
        "run_id": pl.String(),
    }
)

#: A change in one of these begins a new row of a listing.
IDENTITY = ("venue", "name", "local_name", "security_type", "currency", "isin", "followed")

#: How long a list is taken as today's: the original system's 24 hours.
FRESH_FOR = dt.timedelta(hours=24)


def follow(instruments: pl.DataFrame, config: RegionConfig) -> pl.DataFrame:
    """INSTRUMENTS with the column `followed`: inside the region's universe rule, or on its watchlist."""
    rule = config.universe
    inside = pl.col("security_type").is_in(list(rule.security_types))
    if rule.main_currency_only:
        inside &= pl.col("currency") == config.currency
    if rule.top is not None:
        inside &= pl.col("value").rank("ordinal", descending=True).over(inside) <= rule.top
    return instruments.with_columns(
        followed=(inside | pl.col("ticker").is_in(list(config.watchlist))).fill_null(False)
    )


def current(connection: duckdb.DuckDBPyConnection, region: str) -> pl.DataFrame:
    """The listings of a region that hold now (LISTINGS)."""
    found: pl.DataFrame = connection.sql(statement("store/current_listings"), params={"region": region}).pl()
    return found.cast(LISTINGS)


def merge(standing: pl.DataFrame, seen: pl.DataFrame, *, today: dt.date, now: dt.datetime, run_id: str) -> pl.DataFrame:
    """Rows (LISTINGS) to write so that the store shows what was `seen` (INSTRUMENTS with `followed`) beside `standing`.

    A listing with a new identity ends yesterday and begins today (a second change on one day overwrites the first); an
    unchanged one keeps its beginning and takes over value, shares and the time it was seen.
    """
    seen = seen.with_columns(
        valid_from=pl.coalesce("listed_from", pl.lit(today)),
        is_primary=pl.lit(True),
        sector_source=pl.when(pl.col("sector_code").is_not_null()).then(pl.col("provider")),
        seen_at=pl.lit(now, dtype=_UTC_TIME),
        known_at=pl.lit(now, dtype=_UTC_TIME),
        run_id=pl.lit(run_id),
    )
    seen = seen.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in LISTINGS.items() if name not in seen.columns
    ).select(LISTINGS.names())
    pairs = standing.select(
        "ticker",
        pl.col("valid_from").alias("standing_from"),
        pl.col("known_at").alias("standing_known_at"),
        pl.col("run_id").alias("standing_run_id"),
        pl.struct(IDENTITY).alias("standing_identity"),
    ).join(seen.with_columns(pl.struct(IDENTITY).alias("identity")), on="ticker", how="inner")
    same = pl.col("identity").eq_missing(pl.col("standing_identity"))
    kept = pairs.filter(same).with_columns(
        valid_from=pl.col("standing_from"),
        known_at=pl.col("standing_known_at"),
        run_id=pl.col("standing_run_id"),
    )
    begun = pairs.filter(~same).with_columns(valid_from=pl.lit(today))
    ended = standing.join(begun.filter(pl.col("standing_from") < today), on="ticker", how="semi").with_columns(
        valid_until=pl.lit(today - dt.timedelta(days=1))
    )
    new = seen.join(standing, on="ticker", how="anti")
    names = LISTINGS.names()
    return pl.concat([kept.select(names), begun.select(names), ended.select(names), new])


def save(
    connection: duckdb.DuckDBPyConnection,
    seen: pl.DataFrame,
    *,
    region: str,
    origin: str,
    today: dt.date,
    now: dt.datetime,
    run_id: str,
) -> int:
    """Write what was `seen` (INSTRUMENTS with `followed`) inside the caller's transaction; returns how many listings are new.

    A listing that appears after the region's first list is an event `listed`.
    """
    claim_origin(connection, origin, run_id, now)
    standing = current(connection, region)
    listings = merge(standing, seen, today=today, now=now, run_id=run_id)
    new = listings.join(standing, on="ticker", how="anti").height
    with registered(connection, incoming=listings):
        if standing.height:
            connection.execute(statement("store/insert_listed_events"), {"today": today})
        connection.execute(statement("store/replace_listings"))
        # A name that today's list shows is listed: an end found earlier is asked for anew.
        connection.execute(statement("store/reopen_ranges"))
    return new


def quarantine_lines(
    connection: duckdb.DuckDBPyConnection, refused: pl.DataFrame, *, region: str, now: dt.datetime, run_id: str
) -> None:
    """Keep the lines of a list that could not be read (REFUSED); one whose ticker could not be read either stands under `?`."""
    kept = refused.with_columns(
        region=pl.lit(region),
        ticker=pl.col("ticker").fill_null("?"),
        known_at=pl.lit(now, dtype=_UTC_TIME),
        run_id=pl.lit(run_id),
    ).select(QUARANTINE.names())
    append(connection, "store/insert_quarantine", kept, QUARANTINE)
