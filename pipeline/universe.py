"""Which listings a region has, and which of them are followed.

`instruments` holds dated listings: what changes about a listing's identity (venue, name, type, currency, code of the
security) closes its row and begins the next one. Rows are never deleted: a name that a provider's list no longer shows
keeps its row, since a provider's silence is not a delisting.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from pipeline.statements import statement
from pipeline.store.file import registered, rows
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

#: A list that shows less than this share of what a venue's lists showed of late is cut short. Our choice: no venue loses half
#: of its listings within a month.
_LEAST_SHARE = 0.5
_OF_LATE = dt.timedelta(days=30)

#: `seen_at` of a listing that no provider's list has ever shown: only an import names it.
NEVER_SEEN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: Digits that make (1 + buffer) × top the number a person reckons: 100 × 1.15 is 114.99999999999999 in binary.
_DIGITS = 6


@dataclass(frozen=True)
class Following:
    """INSTRUMENTS with the column `followed`, and what is to be told about it."""

    instruments: pl.DataFrame
    notes: tuple[str, ...]


def follow(
    instruments: pl.DataFrame,
    config: RegionConfig,
    *,
    before: Collection[str] = (),
    choices: Mapping[str, str] | None = None,
    unvalued: str = "",
    short: str = "",
    members: Collection[str] | None = None,
    substitute: str = "",
) -> Following:
    """Which of `instruments` (INSTRUMENTS) a region follows: those inside its rule, the watchlist, and what was chosen.

    `before` are the tickers followed so far: they stay while they are inside the first (1 + `buffer`) × `top` by value, and
    while they have no value.
    `choices` (ticker: `follow` or `ignore`) win over everything. Where the rule needs market values and there are none
    (`unvalued` says why), needs a ranking and the list is cut (`short` says where, see `cut_short`), or needs `members` and
    there are none, or far fewer than were followed, the names of `before` stay, or without any the watchlist alone is
    followed. So it is with the list of another provider than the region's first (`substitute` names both): the largest names
    of the one are not the other's.
    A ticker that no pattern of settings admits is listed, and followed only where a person chose it.
    """
    notes: list[str] = []
    standing = pl.col("ticker").is_in(list(before))
    obstacle = substitute or _obstacle(instruments, config, unvalued, short) or _memberless(config, unvalued, members, before)
    if obstacle:
        watched = f"the watchlist of {len(config.watchlist):,} is followed"
        stays = f"the {len(before):,} names followed so far stay" if before else watched
        notes.append(f"{obstacle}, so the rule can't run: {stays}")
    elif short:
        notes.append(f"the list shows only {short}: what it leaves out stays as it is")
    if obstacle:
        inside = standing
    else:
        ruled = _by_rule(config, standing, members)
        admitted = pl.col("ticker").is_in(_admitted(config, instruments["ticker"]))
        inside = ruled & admitted
        strange = instruments.filter(ruled & ~admitted)["ticker"].to_list()
        if strange:
            notes.append(f"tickers that no pattern of settings admits are not followed: {_some(strange)}")
    wanted, unwanted = _chosen(config, choices or {})
    missing = sorted(wanted - set(instruments["ticker"]) - unwanted)
    if missing:
        notes.append(f"not in the provider's list: {', '.join(missing)} (watchlist, or added by hand)")
    followed = (inside | pl.col("ticker").is_in(sorted(wanted))) & ~pl.col("ticker").is_in(sorted(unwanted))
    return Following(instruments.with_columns(followed=followed), tuple(notes))


def _obstacle(instruments: pl.DataFrame, config: RegionConfig, unvalued: str, short: str) -> str:
    """Why a rule of values can't run on this list, in words; "" where it can."""
    if needs_values(config) and (unvalued or instruments.filter(_of_the_kind(config))["value"].is_null().all()):
        return f"no market values ({unvalued or 'the list gives none'})"
    if config.universe.top is not None and short:
        return f"a ranking needs whole lists, and this one shows only {short}"
    return ""


def _memberless(config: RegionConfig, unvalued: str, members: Collection[str] | None, before: Collection[str]) -> str:
    """Why a rule of members can't run, in words; "" where it can, and where the rule is none of members."""
    named = config.universe.members
    if named is None:
        return ""
    if not members:
        return f"no members of {named} ({unvalued or 'the provider names none'})"
    if len(members) < _LEAST_SHARE * len(before):
        return f"only {len(members):,} members of {named}"
    return ""


def _of_the_kind(config: RegionConfig) -> pl.Expr:
    """Listings that the rule looks at, whatever they are worth."""
    kind = pl.col("security_type").is_in(list(config.universe.security_types))
    return kind & (pl.col("currency") == config.currency) if config.universe.main_currency_only else kind


def _admitted(config: RegionConfig, tickers: pl.Series) -> list[str]:
    """The tickers that a pattern of settings admits."""
    patterns = [re.compile(pattern) for pattern in config.ticker_patterns]
    return [ticker for ticker in tickers if any(pattern.fullmatch(ticker) for pattern in patterns)]


def _some(tickers: list[str], most: int = 5) -> str:
    """The first few of a list, and how many more there are."""
    more = f" and {len(tickers) - most:,} more" if len(tickers) > most else ""
    return ", ".join(sorted(tickers)[:most]) + more


def _by_rule(config: RegionConfig, standing: pl.Expr, members: Collection[str] | None) -> pl.Expr:
    """What the region's rule follows; never null. `standing`: what was followed so far."""
    rule = config.universe
    kind = inside = _of_the_kind(config)
    if rule.members is not None:
        inside &= pl.col("ticker").is_in(sorted(members or ()))
    if rule.min_value is not None:
        inside &= pl.col("value") >= rule.min_value
    if rule.top is not None:
        place = pl.when(inside).then(pl.col("value")).rank("ordinal", descending=True)
        last = math.floor(round(rule.top * (1 + rule.buffer), _DIGITS))
        inside &= (place <= rule.top) | (standing & (place <= last))
    inside = inside.fill_null(False)
    # A provider may value only what traded last: one day of silence is no reason to let a followed name go.
    silent = (kind & standing & pl.col("value").is_null()).fill_null(False)
    return inside | silent if needs_more_than_lists(config) else inside


def _chosen(config: RegionConfig, choices: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """What is followed, and what is left out, whatever the rule says: the watchlist and what a person chose."""
    made = {choice: {ticker for ticker, found in choices.items() if found == choice} for choice in ("follow", "ignore")}
    return {*config.watchlist, *made["follow"]}, made["ignore"]


def needs_values(config: RegionConfig) -> bool:
    """Whether the region's rule can't run without market values."""
    return config.universe.top is not None or config.universe.min_value is not None


def needs_more_than_lists(config: RegionConfig) -> bool:
    """Whether the region's rule needs what a list of names does not show: market values or members."""
    return needs_values(config) or config.universe.members is not None


def cut_short(standing: pl.DataFrame, seen: pl.DataFrame) -> str:
    """Where a list (`seen`, INSTRUMENTS) shows far less than the lists of the last month did (`standing`, LISTINGS), in words.

    "" where it is whole. Measured against the newest list, not against today: a home may rest for a year.
    """
    listed = standing.filter(pl.col("listed_until").is_null() & (pl.col("seen_at") > NEVER_SEEN))
    stood = listed.filter(pl.col("seen_at") > pl.col("seen_at").max() - _OF_LATE).group_by("venue").len("stood")
    shown = seen.group_by("venue").len("shown")
    cut = (
        stood.join(shown, on="venue", how="left")
        .with_columns(pl.col("shown").fill_null(0))
        .filter(pl.col("shown") < _LEAST_SHARE * pl.col("stood"))
        .sort("venue")
    )
    return ", ".join(f"{row['shown']:,} of {row['stood']:,} listings of {row['venue']}" for row in cut.iter_rows(named=True))


def standing_provider(standing: pl.DataFrame) -> str | None:
    """Whose list was the last that showed the region (`standing`: LISTINGS); None where none has."""
    listed = standing.filter(pl.col("seen_at") > NEVER_SEEN).sort("seen_at", "ticker")
    return None if listed.is_empty() else str(listed["provider"][-1])


def choices(connection: duckdb.DuckDBPyConnection, region: str) -> dict[str, str]:
    """What was chosen by hand in a region: ticker to `follow` or `ignore`."""
    return dict(rows(connection, "store/universe_choices", region=region))


def choose(
    connection: duckdb.DuckDBPyConnection,
    region: str,
    tickers: Collection[str],
    choice: str,
    *,
    today: dt.date,
    now: dt.datetime,
) -> None:
    """Write a choice for `tickers` (listings that hold now) and follow, or no longer follow, them from `today` on.

    Inside the caller's transaction. The time a list showed the listing stays what it was. The rows it begins carry a `run_id`
    that names the choice.
    """
    followed = choice == "follow"
    for ticker in tickers:
        values = {"region": region, "ticker": ticker, "choice": choice, "chosen_at": now}
        connection.execute(statement("store/set_universe_choice"), values)
    standing = current(connection, region)
    changed = standing.filter(pl.col("ticker").is_in(list(tickers)) & (pl.col("followed") != followed))
    begun = changed.with_columns(
        valid_from=pl.max_horizontal("valid_from", pl.lit(today)),
        followed=pl.lit(followed),
        known_at=pl.lit(now, dtype=_UTC_TIME),
        run_id=pl.lit(f"{_choice_prefix(region, choice)}{now:%Y%m%dT%H%M%SZ}"),
    )
    ended = changed.filter(pl.col("valid_from") < today).with_columns(valid_until=pl.lit(today - dt.timedelta(days=1)))
    with registered(connection, incoming=pl.concat([begun, ended])):
        connection.execute(statement("store/replace_listings"))


def reset(connection: duckdb.DuckDBPyConnection, region: str, tickers: Collection[str]) -> None:
    """Forget what was chosen for `tickers`, inside the caller's transaction; what is followed changes with the next list."""
    for ticker in tickers:
        connection.execute(statement("store/delete_universe_choice"), {"region": region, "ticker": ticker})


def followed_so_far(standing: pl.DataFrame, region: str, choices: Mapping[str, str]) -> list[str]:
    """The followed tickers of `standing` (LISTINGS) without those that only a choice began which was taken back since.

    Else a name that the rule would never have followed stays for want of a value: a provider may value only what the rule
    can follow.
    """
    by_hand = pl.col("run_id").str.starts_with(_choice_prefix(region, "follow")) & ~pl.col("ticker").is_in(list(choices))
    return standing.filter(pl.col("followed") & ~by_hand)["ticker"].to_list()


def _choice_prefix(region: str, choice: str) -> str:
    """How the `run_id` of rows that a choice began begins."""
    return f"{region}-{choice}-"


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
    # A listing of tomorrow changes tomorrow: beginning today it would stand beside its own later row.
    begun = pairs.filter(~same).with_columns(valid_from=pl.max_horizontal("standing_from", pl.lit(today)))
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
        if standing.filter(pl.col("seen_at") > NEVER_SEEN).height:
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
