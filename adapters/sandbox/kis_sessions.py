"""Where a market's own clock stands: KIS counts the sessions of each exchange in that exchange's time."""

from __future__ import annotations

from datetime import date, datetime

from adapters.sandbox.market import Market


def newest(market: Market, now: datetime) -> date:
    """The newest session that has opened at `now` (aware)."""
    venue = market.calendar
    today = now.astimezone(market.timezone).date()
    if venue.is_session(today) and venue.session(today).open <= now:
        return today
    return venue.previous_session(today)


def last_close(market: Market, now: datetime) -> datetime:
    """The close of the last session that is over (aware UTC)."""
    venue = market.calendar
    session = newest(market, now)
    if venue.session(session).close > now:
        session = venue.previous_session(session)
    return venue.session(session).close


def close_before(market: Market, now: datetime) -> datetime:
    """The close of the session before the newest one that has opened (aware UTC)."""
    venue = market.calendar
    return venue.session(venue.previous_session(newest(market, now))).close
