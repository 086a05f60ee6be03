"""Keeping the region's listings up to date: once a day, from the first provider that has a list.

Providers spell names and know identities differently, so a region keeps to one: a list is taken from the provider that served
the standing one, or from one before it in the chain.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters import factory
from pipeline import universe
from pipeline.errors import NotYet, Unavailable, Unsupported
from pipeline.store.file import rows

if TYPE_CHECKING:
    import duckdb

    from adapters.base import MarketAdapter, Universe
    from pipeline.attempts import AttemptLog
    from pipeline.settings import RegionConfig
    from pipeline.state import State
    from pipeline.store import Store


def are_stale(store: Store, config: RegionConfig, now: dt.datetime) -> bool:
    """Whether the region has no list yet, one older than a day, or one without what its rule needs.

    Market values stand for members too: who has the one has the other.
    """
    seen_at, valued = _standing(store, config.region)
    unvalued = universe.needs_more_than_lists(config) and not valued
    return seen_at is None or unvalued or now - seen_at >= universe.FRESH_FOR


def refresh(
    config: RegionConfig,
    store: Store,
    state: State,
    *,
    origin: str,
    now: dt.datetime,
    run_id: str,
    on_attempt: AttemptLog,
) -> list[str]:
    """Fetch and save the list if it is stale; returns notes for the report.

    `Unavailable` when nobody has a list and none is stored; with one stored the run goes on with it and a note, also where
    only a provider that comes later in the chain would have another.
    """
    if not are_stale(store, config, now):
        return []
    notes: list[str] = []
    chain = factory.chain(config.region, "universe", on_attempt=on_attempt)
    listed_by = store.look(lambda connection: universe.standing_provider(universe.current(connection, config.region)))
    try:
        served = chain.call(_asking(config, listed_by))
    except (Unavailable, Unsupported, NotYet) as error:
        seen_at, _ = _standing(store, config.region)
        if seen_at is None:
            raise
        return [f"the ticker list of {seen_at:%Y-%m-%d} stays: {error}"]
    with store.write(f"universe {config.region}") as connection:
        # Decided inside the transaction that writes it: a `spock ticker add` of the same minute isn't undone.
        following = _following(config, connection, served.value, served.provider)
        seen = following.instruments
        new = universe.save(
            connection,
            seen,
            region=config.region,
            origin=origin,
            today=now.astimezone(ZoneInfo(config.timezone)).date(),
            now=now,
            run_id=run_id,
        )
        universe.quarantine_lines(connection, served.value.refused, region=config.region, now=now, run_id=run_id)
    notes += following.notes
    if served.value.refused.height:
        notes.append(f"{served.value.refused.height} lines of the ticker list could not be read")
    state.emit(
        "universe_refreshed",
        config.region,
        run_id=run_id,
        detail={"provider": served.provider, "listings": seen.height, "new": new, "followed": int(seen["followed"].sum())},
    )
    return notes


def _asking(config: RegionConfig, listed_by: str | None) -> Callable[[MarketAdapter], Universe]:
    """What to ask each provider of the chain; those behind `listed_by`, whose list stands, are not asked."""
    providers = config.chain.get("universe", ())
    behind = providers[providers.index(listed_by) + 1 :] if listed_by in providers else ()

    def ask(adapter: MarketAdapter) -> Universe:
        if adapter.provider in behind:
            raise Unsupported(
                f"{adapter.provider}: not asked, the standing list is of {listed_by}, and providers spell and know names "
                "differently"
            )
        return adapter.universe(config.region)

    return ask


def _following(
    config: RegionConfig, connection: duckdb.DuckDBPyConnection, listed: Universe, provider: str
) -> universe.Following:
    """What is followed of a list of `provider`, in the light of what was followed so far and of what was chosen by hand."""
    first = next(iter(config.chain.get("universe", ())), provider)
    standing = universe.current(connection, config.region)
    seen = listed.instruments
    if listed.unvalued:
        # The values of the last list that had them are worth more than none.
        seen = seen.update(standing.select("ticker", "value", "shares"), on="ticker", how="left")
    choices = universe.choices(connection, config.region)
    return universe.follow(
        seen,
        config,
        before=universe.followed_so_far(standing, config.region, choices),
        choices=choices,
        unvalued=listed.unvalued,
        short=universe.cut_short(standing, listed.instruments),
        members=listed.members,
        substitute="" if provider == first else f"the list is of {provider} for want of {first}'s",
    )


def _standing(store: Store, region: str) -> tuple[dt.datetime | None, int]:
    """When a list last showed the region, and how many of its listings have a market value."""
    wanted = {"region": region, "never": universe.NEVER_SEEN}
    seen_at, valued = store.look(lambda connection: rows(connection, "store/universe_seen_at", **wanted))[0]
    return seen_at, valued
