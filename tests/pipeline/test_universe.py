"""Which listings are followed: the rule, market values and their absence, what a person chose."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from pipeline import settings, universe
from pipeline.frames import INSTRUMENTS
from pipeline.settings import RegionConfig

NIGHT = dt.datetime(2026, 11, 19, 12, 0, tzinfo=dt.UTC)
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def listings(*rows: tuple[str, float | None] | tuple[str, float | None, dict[str, Any]]) -> pl.DataFrame:
    """INSTRUMENTS of common stock in USD: ticker, value in million USD, and what differs."""
    made = []
    for ticker, value, *other in rows:
        own: dict[str, Any] = dict.fromkeys(INSTRUMENTS.names())
        own |= {"region": "US", "ticker": ticker, "venue": "XNAS", "security_type": "common", "currency": "USD"}
        made.append(own | {"value": None if value is None else value * 1e6, "provider": "kis"} | (other[0] if other else {}))
    return pl.DataFrame(made, INSTRUMENTS)


def config(monkeypatch: pytest.MonkeyPatch, region: str = "US", **rule: str) -> RegionConfig:
    """The region's settings with another universe rule and AAPL alone on the watchlist."""
    monkeypatch.setenv(f"SPOCK_REGIONS__{region}__WATCHLIST", '["AAPL"]' if region == "US" else '["005930"]')
    for name, value in rule.items():
        monkeypatch.setenv(f"SPOCK_REGIONS__{region}__UNIVERSE__{name.upper()}", value)
    return settings.get_config(region)


def followed(following: universe.Following) -> list[str]:
    return following.instruments.filter("followed")["ticker"].to_list()


def test_the_largest_of_the_right_kind_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(
        ("AAPL", 900), ("BIG", 800), ("ETF", 700, {"security_type": "etf"}), ("EURO", 650, {"currency": "EUR"}),
        ("MID", 600), ("SMALL", 500), ("NONE", None),
    )  # fmt: skip
    found = universe.follow(seen, config(monkeypatch, top="3"))
    assert (followed(found), found.notes) == (["AAPL", "BIG", "MID"], ())


def test_under_the_least_value_nothing_is_followed_but_the_watchlist(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 10), ("AT", 150), ("UNDER", 149.9))
    assert followed(universe.follow(seen, config(monkeypatch))) == ["AAPL", "AT"]


def test_a_followed_name_stays_until_it_has_fallen_out_of_the_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [chr(64 + place) for place in range(1, 16)]
    seen = listings(*((name, 1_000 - place) for place, name in enumerate(names)), ("AAPL", 2_000))
    rule = config(monkeypatch, top="10", buffer="0.2")
    first = followed(universe.follow(seen, rule))
    assert first == [*names[:9], "AAPL"]
    later = universe.follow(seen, rule, before=[*first, "K", "L"])
    assert sorted(followed(later)) == sorted([*first, "K"])


def test_a_followed_name_without_a_value_tonight_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 900), ("QUIET", None), ("NEW", None))
    assert followed(universe.follow(seen, config(monkeypatch), before=["QUIET"])) == ["AAPL", "QUIET"]


@pytest.mark.parametrize("unvalued", ["kis: unavailable (HTTP 500)", ""])
def test_without_values_the_watchlist_alone_is_followed_at_first(monkeypatch: pytest.MonkeyPatch, unvalued: str) -> None:
    seen = listings(("AAPL", None), ("BIG", None))
    found = universe.follow(seen, config(monkeypatch), unvalued=unvalued)
    why = unvalued or "the list gives none"
    assert followed(found) == ["AAPL"]
    assert found.notes == (f"no market values ({why}), so the rule can't run: the watchlist of 1 is followed",)


def test_without_values_what_was_followed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 5.0), ("BIG", 400), ("NEW", 900))
    found = universe.follow(seen, config(monkeypatch), before=["BIG"], unvalued="kis: away")
    assert followed(found) == ["AAPL", "BIG"]
    assert found.notes == ("no market values (kis: away), so the rule can't run: the 1 names followed so far stay",)


def test_a_rule_without_values_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"region": "KR", "currency": "KRW"}
    seen = listings(("005930", None, own), ("0001A0", None, own))
    found = universe.follow(seen, config(monkeypatch, "KR"))
    assert (followed(found), found.notes) == (["005930", "0001A0"], ())


def test_korea_ranks_by_the_value_of_its_list(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"region": "KR", "currency": "KRW"}
    seen = listings(("000660", 900, own), ("005930", 800, own), ("035420", 700, own))
    assert followed(universe.follow(seen, config(monkeypatch, "KR", top="1"))) == ["000660", "005930"]


def test_what_was_chosen_by_hand_wins_over_rule_and_watchlist(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 900), ("BIG", 800), ("TINY", 1), ("FUND", 5, {"security_type": "etf"}))
    made = {"BIG": "ignore", "AAPL": "ignore", "TINY": "follow", "FUND": "follow"}
    assert followed(universe.follow(seen, config(monkeypatch), choices=made)) == ["TINY", "FUND"]


def test_a_wanted_name_that_no_list_shows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = universe.follow(listings(("BIG", 800)), config(monkeypatch), choices={"GONE": "follow", "OUT": "ignore"})
    assert found.notes == ("not in the provider's list: AAPL, GONE (watchlist, or added by hand)",)


def test_the_buffer_is_what_a_person_reckons(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(*((f"N{chr(65 + place // 26)}{chr(65 + place % 26)}", 1_000 - place) for place in range(116)))
    every = seen["ticker"].to_list()
    found = universe.follow(seen, config(monkeypatch, top="100", buffer="0.15"), before=every)
    assert followed(found) == every[:115]


# members of a list, tickers outside the patterns, another provider's list ------------------------------------------------


CHINA = {"region": "CN", "currency": "CNY", "venue": "XSHG"}


OLD = ["600001", "600002", "600003"]


def chinese(*rows: tuple[str, float | None] | tuple[str, float | None, dict[str, Any]]) -> pl.DataFrame:
    """As `listings`, in CNY."""
    return listings(*((ticker, value, CHINA | (other[0] if other else {})) for ticker, value, *other in rows))


def test_members_are_followed_whatever_they_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_REGIONS__CN__WATCHLIST", '["600519"]')
    seen = chinese(
        ("600519", 2e6), ("600001", 5), ("000001", 9e5), ("300750", 8e5, {"currency": "HKD"}),
        ("600008", 7, {"security_type": "etf"}), ("600002", None), ("600003", 4), ("600004", None),
    )  # fmt: skip
    members = {"600001", "300750", "600008", "600519"}
    # One that was followed and did not trade stays; one that traded and is no member any more goes.
    found = universe.follow(seen, settings.get_config("CN"), members=members, before=["600002", "600003"])
    assert (followed(found), found.notes) == (["600519", "600001", "600002"], ())


@pytest.mark.parametrize(
    ("members", "unvalued", "before", "expected", "note"),
    [
        (None, "", [], ["600519"], "no members of stock_connect (the provider names none), so the rule can't run"),
        (set(), "", [], ["600519"], "no members of stock_connect (the provider names none), so the rule can't run"),
        (None, "kis: away", ["600001"], ["600519", "600001"], "no members of stock_connect (kis: away), so the rule can't run"),
        ({"600004"}, "", OLD, ["600519", *OLD], "only 1 members of stock_connect, so the rule can't run: the 3 names followed"),
    ],
)
def test_without_members_what_was_followed_stays(
    monkeypatch: pytest.MonkeyPatch, members: set[str] | None, unvalued: str, before: list[str], expected: list[str], note: str
) -> None:
    monkeypatch.setenv("SPOCK_REGIONS__CN__WATCHLIST", '["600519"]')
    seen = chinese(*((ticker, 7.0) for ticker in ("600519", *OLD, "600004")))
    found = universe.follow(seen, settings.get_config("CN"), members=members, unvalued=unvalued, before=before)
    assert (followed(found), len(found.notes), found.notes[0].startswith(note)) == (expected, 1, True)


def test_a_ticker_outside_the_regions_patterns_is_followed_by_hand_only(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [f"ODD{number}" for number in range(7)]
    seen = listings(("AAPL", 900), *((ticker, 800) for ticker in odd))
    found = universe.follow(seen, config(monkeypatch), before=["ODD1"], choices={"ODD2": "follow"})
    assert followed(found) == ["AAPL", "ODD2"]
    assert found.notes == (
        "tickers that no pattern of settings admits are not followed: ODD0, ODD1, ODD2, ODD3, ODD4 and 2 more",
    )


def test_of_another_providers_list_the_watchlist_and_what_was_chosen_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 900), ("BIG", 800), ("TINY", 1))
    substitute = "the list is of yfinance for want of kis's"
    first = universe.follow(seen, config(monkeypatch), substitute=substitute, choices={"TINY": "follow"})
    assert followed(first) == ["AAPL", "TINY"]
    assert first.notes == (f"{substitute}, so the rule can't run: the watchlist of 1 is followed",)
    later = universe.follow(seen, config(monkeypatch), substitute=substitute, before=["AAPL", "TINY"])
    assert (followed(later), later.notes) == (
        ["AAPL", "TINY"],
        (f"{substitute}, so the rule can't run: the 2 names followed so far stay",),
    )


def test_the_standing_list_is_of_the_provider_that_served_last() -> None:
    other = standing(2, seen_at=NIGHT + dt.timedelta(days=1), first=50).with_columns(provider=pl.lit("yfinance"))
    imported = standing(3, seen_at=NEVER, first=90).with_columns(provider=pl.lit("import"))
    assert universe.standing_provider(pl.concat([standing(5), other, imported])) == "yfinance"
    assert universe.standing_provider(imported) is None


# a list that is cut short ---------------------------------------------------------------------------------------------


def standing(count: int, venue: str = "XNAS", seen_at: dt.datetime = NIGHT, first: int = 0) -> pl.DataFrame:
    """LISTINGS of one venue that a list showed at `seen_at`."""
    seen = listings(*((f"{venue}{number}", 500, {"venue": venue}) for number in range(first, first + count)))
    followed = seen.with_columns(followed=pl.lit(True))
    none = pl.DataFrame(schema=universe.LISTINGS)
    return universe.merge(none, followed, today=seen_at.date(), now=seen_at, run_id="US-night")


def shown(**venues: int) -> pl.DataFrame:
    """INSTRUMENTS: so many listings of each venue."""
    names = [(venue, f"{venue}{number}") for venue, count in venues.items() for number in range(count)]
    return listings(*((name, 500, {"venue": venue}) for venue, name in names))


def test_a_list_with_half_of_what_stood_is_whole_and_one_with_less_is_not() -> None:
    stood = pl.concat([standing(10), standing(4, "XNYS")])
    assert universe.cut_short(stood, shown(XNAS=5, XNYS=2)) == ""
    assert universe.cut_short(stood, shown(XNAS=4, XNYS=2)) == "4 of 10 listings of XNAS"
    assert universe.cut_short(stood, shown(XNYS=1)) == "0 of 10 listings of XNAS, 1 of 4 listings of XNYS"


def test_the_first_list_is_never_short() -> None:
    assert universe.cut_short(pl.DataFrame(schema=universe.LISTINGS), shown(XNAS=1)) == ""


def test_listings_that_no_list_has_shown_for_a_month_or_ever_are_not_missed() -> None:
    gone = standing(20, seen_at=NIGHT - dt.timedelta(days=31), first=100)
    imported = standing(30, seen_at=NEVER, first=200)
    ended = standing(40, first=300).with_columns(listed_until=pl.lit(NIGHT.date()))
    assert universe.cut_short(pl.concat([standing(10), gone, imported, ended]), shown(XNAS=5)) == ""


def test_a_list_cut_short_ranks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = listings(("AAPL", 900), ("BIG", 800), ("NEW", 700))
    found = universe.follow(seen, config(monkeypatch, top="2"), before=["BIG", "OUT"], short="3 of 9 listings of XNAS")
    assert followed(found) == ["AAPL", "BIG"]
    assert found.notes == (
        "a ranking needs whole lists, and this one shows only 3 of 9 listings of XNAS, so the rule can't run: "
        "the 2 names followed so far stay",
    )


def test_a_rule_without_ranking_takes_a_short_list_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"region": "KR", "currency": "KRW"}
    seen = listings(("005930", None, own), ("0001A0", None, own))
    found = universe.follow(seen, config(monkeypatch, "KR"), short="2 of 9 listings of XKRX")
    assert followed(found) == ["005930", "0001A0"]
    assert found.notes == ("the list shows only 2 of 9 listings of XKRX: what it leaves out stays as it is",)


def test_a_listing_of_tomorrow_that_changes_today_stands_once() -> None:
    tomorrow = {"listed_from": dt.date(2026, 11, 20)}
    before = listings(("SOON", 5, tomorrow | {"name": "Soon"})).with_columns(followed=pl.lit(False))
    after = listings(("SOON", 5, tomorrow | {"name": "Soon Inc"})).with_columns(followed=pl.lit(False))
    stood = universe.merge(
        pl.DataFrame(schema=universe.LISTINGS), before, today=NIGHT.date(), now=NIGHT, run_id="US-night"
    )
    changed = universe.merge(stood, after, today=NIGHT.date(), now=NIGHT, run_id="US-night")
    assert changed.select("ticker", "valid_from", "valid_until", "name").rows() == [
        ("SOON", dt.date(2026, 11, 20), None, "Soon Inc")
    ]
