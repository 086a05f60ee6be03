"""Rows of a file against the rules and against what stands: what is stored, what stands already, what is refused and why.

The store's rows win: a bar or an explained cell that stands is never replaced by a file, and no ticker gets bars of two bases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl

from pipeline import calendars, quality
from pipeline.frames import BARS, REFUSED
from pipeline.importing.rows import as_json
from pipeline.settings import RegionConfig
from pipeline.statements import statement
from pipeline.store import QUARANTINE, SESSION_STATES, STORED_BARS
from pipeline.store.file import registered
from pipeline.universe import LISTINGS, NEVER_SEEN

#: A region's cell: what a bar or an explained absence stands for.
CELL = ("ticker", "date")

_BASES = pl.Schema({"ticker": pl.String(), "lowest_basis": pl.String(), "highest_basis": pl.String()})
_STATES = pl.Schema({name: SESSION_STATES[name] for name in ("ticker", "date", "state", "reason", "close", "provider")})
_VALUES = ("open", "high", "low", "close", "volume")
_UTC_TIME = pl.Datetime("us", "UTC")

#: Why a row is no bar that the staging found by comparing the file's rows with each other.
_FATES = {
    "conflicting_rows": pl.format("row {}: other values than the file's first row for this ticker and date", "place"),
    "mixed_basis": pl.format("row {}: basis {} in a ticker whose first row is {}", "place", "basis", "first_basis"),
}


def _empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Standing:
    """What the store holds for some tickers between two dates: listings, bars (STORED_BARS), their bases, explained cells."""

    listings: pl.DataFrame = field(default_factory=lambda: _empty(quality.LISTED))
    bars: pl.DataFrame = field(default_factory=lambda: _empty(STORED_BARS))
    bases: pl.DataFrame = field(default_factory=lambda: _empty(_BASES))
    states: pl.DataFrame = field(default_factory=lambda: _empty(_STATES))


def standing(connection: duckdb.DuckDBPyConnection, region: str, rows: pl.DataFrame) -> Standing:
    """What the store holds beside `rows` (ROWS)."""
    if rows.is_empty():
        return Standing()
    span = {"region": region, "first": rows["date"].min(), "last": rows["date"].max()}
    code = {"region": region}
    with registered(connection, wanted=rows.select("ticker").unique()):
        return Standing(
            listings=connection.sql(statement("store/import_listings"), params=code).pl().cast(quality.LISTED),
            bars=connection.sql(statement("store/import_standing_bars"), params=span).pl().cast(STORED_BARS),
            bases=connection.sql(statement("store/import_bases"), params=code).pl().cast(_BASES),
            states=connection.sql(statement("store/import_states"), params=span).pl().cast(_STATES),
        )


@dataclass(frozen=True)
class Judged:
    """What a part of a file comes to: STORED_BARS (new ones, and those that stand, as they stand), SESSION_STATES, QUARANTINE,
    and rows of LISTINGS for tickers nobody lists. `repeated` counts exact repeats."""

    bars: pl.DataFrame
    explained: pl.DataFrame
    quarantine: pl.DataFrame
    unlisted: pl.DataFrame
    repeated: int


@dataclass(frozen=True)
class Judge:
    """Judges rows of one region for one run: `sessions` (SESSIONS) are those that have closed at `now`."""

    config: RegionConfig
    run_id: str
    now: dt.datetime
    sessions: pl.DataFrame
    venue: str
    provider: str

    def judge(self, ordered: pl.DataFrame, stands: Standing) -> Judged:
        """Whole tickers (ORDERED) against what stands for them."""
        sound = ordered.filter(pl.col("fate").is_null())
        refused = [
            self._refused(ordered.filter(pl.col("fate") == fate), fate, reason) for fate, reason in _FATES.items()
        ]
        known_from = calendars.calendar(self.config.venues[0].calendar).first
        before = pl.col("date") < known_from
        reason = pl.format(f"row {{}}: before {known_from}, where the calendar begins", "place")
        refused.append(self._refused(sound.filter(before), "outside_calendar", reason))
        sound = sound.filter(~before)
        listed = self._listed(sound, stands.listings)
        checked = quality.check(
            sound.select(BARS.names()),
            pl.DataFrame(schema=REFUSED),
            region=self.config.region,
            run_id=self.run_id,
            now=self.now,
            listed=listed,
            sessions=self.sessions,
        )
        bars, clashes = _against_bars(_with_finality(checked.bars, sound), stands)
        explained, denials = _against_states(checked.explained, stands)
        refused += [self._conflict(clashes), self._conflict(denials), checked.quarantine]
        return Judged(
            bars=bars,
            explained=explained,
            quarantine=pl.concat(refused),
            unlisted=self._unlisted(pl.concat([bars.select(CELL), explained.select(CELL)]), listed, stands.listings),
            repeated=ordered.filter(pl.col("fate") == "repeated").height,
        )

    def _listed(self, rows: pl.DataFrame, listings: pl.DataFrame) -> pl.DataFrame:
        """The listings, and for tickers without one the venue asked for and the currency of their first row."""
        new = (
            rows.join(listings, on="ticker", how="anti")
            .group_by("ticker", maintain_order=True)
            .agg(listing_currency=pl.col("currency").first())
            .with_columns(venue=pl.lit(self.venue))
        )
        return pl.concat([listings, new.select(quality.LISTED.names())])

    def _unlisted(self, taken: pl.DataFrame, listed: pl.DataFrame, listings: pl.DataFrame) -> pl.DataFrame:
        """A row of LISTINGS for each ticker that has rows now and no listing: seen by nobody, followed by nobody."""
        new = (
            taken.join(listings, on="ticker", how="anti")
            .group_by("ticker")
            .agg(valid_from=pl.col("date").min())
            .join(listed, on="ticker", how="inner")
            .sort("ticker")
            .with_columns(
                region=pl.lit(self.config.region),
                currency=pl.col("listing_currency"),
                security_type=pl.lit("other"),
                is_primary=pl.lit(True),
                followed=pl.lit(False),
                provider=pl.lit(self.provider),
                seen_at=pl.lit(NEVER_SEEN, dtype=_UTC_TIME),
                known_at=pl.lit(self.now, dtype=_UTC_TIME),
                run_id=pl.lit(self.run_id),
            )
        )
        absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in LISTINGS.items() if name not in new.columns]
        return new.with_columns(absent).select(LISTINGS.names()).cast(LISTINGS)

    def _refused(self, rows: pl.DataFrame, rule: str, reason: pl.Expr) -> pl.DataFrame:
        return self.stamped(
            rows.with_columns(rule=pl.lit(rule), reason=reason, raw=_raws(rows, ("place", *BARS.names())))
        )

    def _conflict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with `rule` and `reason` that give way to what stands."""
        columns = [name for name in BARS.names() if name in rows.columns]
        return self.stamped(rows.with_columns(raw=_raws(rows, columns)))

    def stamped(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with their rule, reason and raw text, such as UNREAD, as QUARANTINE of this run."""
        return (
            rows.with_columns(known_at=pl.lit(self.now, dtype=_UTC_TIME), run_id=pl.lit(self.run_id))
            .select(QUARANTINE.names())
            .cast(QUARANTINE)
        )


def _raws(rows: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    return pl.Series("raw", [as_json(row) for row in rows.select(names).iter_rows(named=True)], dtype=pl.String)


def _with_finality(bars: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """A bar that the file calls provisional stays so, however long ago its session was."""
    told = rows.filter(pl.col("finality") == "provisional").select(*CELL, told=pl.col("finality"))
    return (
        bars.join(told, on=CELL, how="left", maintain_order="left")
        .with_columns(finality=pl.coalesce("told", "finality"))
        .select(STORED_BARS.names())
    )


def _against_bars(bars: pl.DataFrame, stands: Standing) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars to write, those that stand already in the very form they stand in; and those that clash, with rule and reason."""
    old = stands.bars.select(
        *CELL,
        *(pl.col(name).alias(f"old_{name}") for name in (*_VALUES, "amount", "currency", "provider")),
        stood=pl.lit(True),
    )
    states = stands.states.rename({name: f"state_{name}" for name in ("reason", "close", "provider")})
    pairs = (
        bars.join(old, on=CELL, how="left", maintain_order="left")
        .join(stands.bases, on="ticker", how="left", maintain_order="left")
        .join(states, on=CELL, how="left", maintain_order="left")
    )
    stood = pl.col("stood").fill_null(False)
    same = stood & pl.all_horizontal(pl.col(name) == pl.col(f"old_{name}") for name in (*_VALUES, "currency"))
    same &= (pl.col("amount") == pl.col("old_amount")).fill_null(True)
    mixed = ((pl.col("lowest_basis") != pl.col("basis")) | (pl.col("highest_basis") != pl.col("basis"))).fill_null(False)
    values = pl.format("{} {} {} {} {} {}", *_VALUES, "currency")
    old_values = pl.format("{} {} {} {} {} {}", *(f"old_{name}" for name in (*_VALUES, "currency")))
    rule = (
        pl.when(same)
        .then(pl.lit(None, dtype=pl.String))
        .when(mixed)
        .then(pl.lit("mixed_basis"))
        .when(stood | pl.col("state").is_not_null())
        .then(pl.lit("differs_from_stored"))
    )
    reason = (
        pl.when(mixed)
        .then(pl.format("basis {} beside stored bars of basis {}", "basis", "lowest_basis"))
        .when(stood)
        .then(pl.format("{} in the file, {} stored from {}: it stays", values, old_values, "old_provider"))
        .otherwise(pl.format("{} in the file, {} stored from {} ({})", values, "state", "state_provider", "state_reason"))
    )
    judged = pairs.with_columns(rule=rule, reason=reason, same=same)
    new = judged.filter(pl.col("rule").is_null() & ~pl.col("same")).select(STORED_BARS.names())
    kept = stands.bars.join(judged.filter("same").select(CELL), on=CELL, how="semi")
    return pl.concat([new, kept.select(STORED_BARS.names())]), judged.filter(pl.col("rule").is_not_null())


def _against_states(explained: pl.DataFrame, stands: Standing) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Explained cells to write, those that stand already in the words they stand in; and those the store explains otherwise."""
    old = stands.states.rename({name: f"old_{name}" for name in ("state", "reason", "close", "provider")})
    pairs = explained.join(old, on=CELL, how="left", maintain_order="left")
    same = (pl.col("state") == pl.col("old_state")).fill_null(False)
    clash = ~same & pl.col("old_state").is_not_null()
    denied = pairs.filter(clash).with_columns(
        rule=pl.lit("differs_from_stored"),
        reason=pl.format(
            "{} ({}) in the file, {} ({}) stored from {}: it stays",
            *("state", "reason", "old_state", "old_reason", "old_provider"),
        ),
    )
    kept = pairs.filter(~clash).with_columns(
        reason=pl.coalesce("old_reason", "reason"),
        close=pl.when(same).then(pl.col("old_close")).otherwise(pl.col("close")),
    )
    return kept.select(SESSION_STATES.names()), denied
