"""Listings by name, and the hand that follows or leaves one out, whatever the region's universe rule says.

Nothing is ever deleted: a listing that is no longer followed keeps its bars, and is not asked for from then on.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb

from pipeline import settings, universe
from pipeline.errors import UsageError
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import records, rows

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

Row = dict[str, Any]
_CLOSE_ENOUGH = 0.6
_HINTS = 3

_FORGOTTEN = "stays as it is until the next list, which follows the rule and the watchlist again"
_NEVER_CHOSEN = "was never chosen by hand: the rule and the watchlist decide already"


def find(home: Path, text: str, *, region: str | None = None, limit: int = 20) -> list[Row]:
    """Listings that answer `text` (ticker, ISIN, part of a name in any case), the nearest first, at most `limit`.

    As the store has them now, a night at work included; `seen_at` is None for a listing that only an import knows.
    `UsageError` where nothing answers, saying so where no list was ever fetched.
    """
    code = None if region is None else settings.resolve_region(region)
    wanted = {"text": text.strip(), "region": code, "limit": limit, "never": universe.NEVER_SEEN}
    if not text.strip():
        raise UsageError("spock ticker find needs a text: a ticker, an ISIN or a part of a name")

    def search(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        return records(connection.execute(statement("store/find_listings"), wanted))

    store = Store(home)
    found = store.look(search, "ticker find") if store.exists() else []
    if not found:
        _require_list(store, code)
        where = f" in {code}" if code else ""
        raise UsageError(f"no listing{where} answers {text!r}: give a ticker, an ISIN or a part of a name")
    return found


def choose(home: Path, region: str, tickers: Sequence[str], *, choice: str, now: dt.datetime) -> list[Row]:
    """Follow (`choice` follow) or leave out (`ignore`) `tickers` of a region from now on; a row each says what came of it.

    A ticker in small letters is taken for the listing it means. All or nothing: `UsageError` for a ticker that no list
    shows, naming those that look like it, and for following a listing that has ended.
    """
    config = settings.get_config(region)
    today = now.astimezone(ZoneInfo(config.timezone)).date()
    store = Store(home)
    _require_list(store, config.region)
    with store.write(f"ticker {config.region}") as connection:
        standing = _standing(connection, config.region)
        names = _known(connection, config, tickers, standing)
        if choice == "follow":
            _require_listed(config.region, [standing[name] for name in names], today)
        universe.choose(connection, config.region, names, choice, today=today, now=now)
    return [
        {
            "region": config.region,
            "ticker": name,
            "followed": choice == "follow",
            "note": _note(choice, before=standing[name]["followed"]),
        }
        for name in names
    ]


def reset(home: Path, region: str, tickers: Sequence[str]) -> list[Row]:
    """Forget what was chosen for `tickers` of a region: the rule and the watchlist decide again, from the next list on.

    Until then what is followed stays as it is. All or nothing, a row each: as `choose`.
    """
    config = settings.get_config(region)
    store = Store(home)
    _require_list(store, config.region)
    with store.write(f"ticker {config.region}") as connection:
        standing = _standing(connection, config.region)
        names = _known(connection, config, tickers, standing)
        chosen = universe.choices(connection, config.region)
        universe.reset(connection, config.region, names)
    return [
        {
            "region": config.region,
            "ticker": name,
            "followed": standing[name]["followed"],
            "note": _FORGOTTEN if name in chosen else _NEVER_CHOSEN,
        }
        for name in names
    ]


def _note(choice: str, *, before: bool) -> str:
    if choice == "follow":
        return "was followed already, and stays" if before else "its history is collected by the next night"
    return "is not asked for any more; its bars stay" if before else "was not followed, and stays out"


def _require_list(store: Store, region: str | None) -> None:
    """`UsageError` where no provider's list of the region (of any) was ever fetched: what an import brought is none."""
    listed = store.look(_regions, "ticker") if store.exists() else set()
    if not listed or (region is not None and region not in listed):
        of = f" of {region}" if region else ""
        if region is not None and settings.get_config(region).status == "off":
            raise UsageError(f"region {region} is off, so nobody fetches its ticker list: `spock doctor` says what it lacks")
        raise UsageError(f"{store.home}: no ticker list{of} yet: run `spock nightly {region or 'KR'}` once, it fetches it")


def _regions(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {region for (region,) in rows(connection, "store/listed_regions", never=universe.NEVER_SEEN)}


def _standing(connection: duckdb.DuckDBPyConnection, region: str) -> dict[str, Row]:
    """The listings of a region that hold now, by ticker."""
    return {row["ticker"]: row for row in universe.current(connection, region).iter_rows(named=True)}


def _known(
    connection: duckdb.DuckDBPyConnection, config: RegionConfig, tickers: Sequence[str], standing: Mapping[str, Row]
) -> list[str]:
    """The listings that `tickers` mean, each once."""
    return list(dict.fromkeys(_meant(connection, config, ticker, standing) for ticker in tickers))


def _meant(
    connection: duckdb.DuckDBPyConnection, config: RegionConfig, ticker: str, standing: Mapping[str, Row]
) -> str:
    """The listing that `ticker` means."""
    wanted = ticker.strip().upper()
    if wanted in standing:
        return wanted
    elsewhere = [region for (region,) in rows(connection, "store/regions_of_ticker", ticker=wanted)]
    if elsewhere:
        raise UsageError(f"{config.region}: no listing {ticker!r}; it is one of {', '.join(elsewhere)}: give that region")
    alike = ", ".join(f"{row['ticker']} ({_name(row)})" for row in _alike(wanted, standing))
    hint = f"; did you mean {alike}?" if alike else "."
    raise UsageError(
        f"{config.region}: no listing {ticker!r} in its ticker list{hint} Look for it with `spock ticker find TEXT`"
    )


def _alike(wanted: str, standing: Mapping[str, Row]) -> list[Row]:
    """The listings most likely meant: names that begin so and tickers spelt alike, followed ones first."""
    named = [ticker for ticker, row in standing.items() if _name(row).upper().startswith(wanted)] if wanted else []
    spelt = difflib.get_close_matches(wanted, standing, n=max(1, len(standing)), cutoff=_CLOSE_ENOUGH)
    found = [standing[ticker] for ticker in dict.fromkeys([*spelt, *named])]
    return sorted(found, key=lambda row: not row["followed"])[:_HINTS]


def _name(row: Row) -> str:
    return str(row["name"] or row["local_name"] or row["venue"])


def _require_listed(region: str, listings: Sequence[Row], today: dt.date) -> None:
    """Nothing new will come for a listing that has ended: following it would be a gap for ever."""
    for row in listings:
        if row["listed_until"] is not None and row["listed_until"] < today:
            raise UsageError(
                f"{region}: {row['ticker']} has not been listed since {row['listed_until']}: there is nothing to follow; "
                "its bars stay in the store"
            )
