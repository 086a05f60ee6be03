"""One fault for a whole night: the night is honest about it, keeps what was good, and the same command heals it.

`CASES` is every kind of fault on every request of a night, from its first answer on and between answers; the suite runs
`SAMPLE` of them, tests/chaos/test_hostile_long.py all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.sandbox import control
from adapters.sandbox.faults import KINDS

NightHome = Callable[..., tuple[Any, Any]]

#: Regions a night is disturbed in.
REGIONS = ("KR", "US")

#: Requests of a night by what they are for; the sandbox's name of each. `values`: what the names of a list are worth.
TARGETS: Mapping[str, Mapping[str, str]] = {
    "KR": {"history": "FHKST03010100", "index": "FHKUP03500100", "master": "master", "token": "tokenP"},
    "US": {
        "history": "HHDFS76240000",
        "index": "FHKST03030100",
        "values": "HHDFS76410000",
        "master": "master",
        "token": "tokenP",
    },
}

#: Instead of an answer: something else, or nothing.
BROKEN = ("rate_limit", "http_500", "http_403", "silence", "cut", "bad_json", "empty_body", "dead")
#: An answer that looks like a success and is not.
BENT = ("empty", "wrong_ticker", "stale", "times_100", "repeat")
#: Kinds that only an answer to a data call can have.
OF_DATA = (*BENT, "token_expired")
#: The rule that refuses the rows of a bent answer; the other two bring none.
RULES = {"wrong_ticker": "wrong_ticker", "times_100": "unit_error", "repeat": "repeated_row"}

#: Two pages a ticker, few tickers, two at a time; nobody waits long.
HASTE = {
    "SPOCK_COLLECT__INITIAL_SESSIONS": "130",
    "SPOCK_COLLECT__PATIENCE_SECONDS": "0.8",
    "SPOCK_TRANSPORT__ATTEMPTS": "2",
    "SPOCK_TRANSPORT__RATE_LIMIT_ATTEMPTS": "2",
    "SPOCK_TRANSPORT__BACKOFF_BASE": "0.01",
    "SPOCK_TRANSPORT__BACKOFF_MAX": "0.05",
    "SPOCK_TRANSPORT__READ_TIMEOUT": "0.4",
    "SPOCK_TRANSPORT__DEADLINE": "3",
    "SPOCK_TRANSPORT__BREAKER_SECONDS": "0.2",
    "SPOCK_TRANSPORT__WORKERS": "2",
}
TICKERS = 6
#: Longer than any night under `HASTE` takes on a busy machine: what is slower hangs.
HANGS = 45.0
#: No request of a night is sent more often than this: attempts, renewed tokens, second chances, probes of a breaker.
REPEATS = 8


@dataclass(frozen=True)
class Case:
    """A fault that lasts, from the `after`-th request of one kind on."""

    region: str
    kind: str
    target: str
    after: int

    def __str__(self) -> str:
        return f"{self.region}-{self.target}-{self.kind}-after-{self.after}"


def cases(region: str) -> Iterator[Case]:
    """Every kind on every target it can hit: before the first answer and between two."""
    for target in TARGETS[region]:
        for kind in KINDS:
            if kind in OF_DATA and target in ("master", "token"):
                continue
            # A level has no traded value that could contradict it: a first answer of another unit can't be told.
            if (target, kind) == ("index", "times_100"):
                continue
            # A value search shows neither sessions nor bars: these kinds find nothing to bend in it.
            if target == "values" and kind in ("stale", "times_100", "repeat"):
                continue
            # The third answer of history is a second page; a night asks for one token.
            # What bends the newest session finds none on an index's second page.
            first_only = target == "token" or (target == "index" and kind in ("stale", "repeat"))
            for after in (0,) if first_only else (0, 3) if target == "history" else (0, 1):
                yield Case(region, kind, target, after)


CASES = [case for region in REGIONS for case in cases(region)]
#: (target, kind, after) of the suite's part; every kind once in one of the regions.
_SAMPLED = {
    "KR": {
        *(("history", kind, 3) for kind in (*OF_DATA, "rate_limit", "silence", "cut")),
        *(("index", kind, after) for kind, after in (("stale", 0), ("repeat", 0), ("cut", 1))),
        *(("master", "cut", 1), ("token", "bad_json", 0)),
    },
    "US": {
        *(("history", kind, 3) for kind in ("empty", "stale", "times_100", "repeat", "dead")),
        *(("values", "empty", 0), ("master", "empty_body", 1)),
    },
}
SAMPLE = [case for case in CASES if (case.target, case.kind, case.after) in _SAMPLED[case.region]]


@dataclass(frozen=True)
class Undisturbed:
    """What a night without a fault leaves and asks."""

    tables: dict[str, pl.DataFrame]
    requests: int


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Callable[[str], Undisturbed]:
    """The night of a region without a fault, made once."""
    made: dict[str, Undisturbed] = {}

    def of(region: str) -> Undisturbed:
        if region not in made:
            folder: Path = tmp_path_factory.mktemp(f"undisturbed-{region}")
            with tools.sandbox(now=tools.now, regions=(region,), enforce_limits=False, tickers=TICKERS) as server:
                home = tools.home(folder / "home", folder / "machine", {"SPOCK_SANDBOX_URL": server.url, **HASTE})
                done = home.inside("nightly", region)
                assert done.code == 0, done.err
                made[region] = Undisturbed(home.business(), sent(server))
        return made[region]

    return of


def sent(server: Any) -> int:
    """Requests the sandbox has seen, tokens and files included."""
    return sum(control.report(server.url)["by_path"].values())


def only_in(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Rows of `ours` that `theirs` does not have."""
    return ours.join(theirs, on=ours.columns, how="anti", nulls_equal=True)


def honest(case: Case, code: int, row: Mapping[str, Any], home: Any) -> None:
    """The night's end says what is missing, and refused rows stand with their reason."""
    said = [*(row.get("notes") or []), row.get("error") or ""]
    states = home.table("session_states")
    if case.target == "index":
        # A region's bars are not less complete for a missing index: it is told.
        assert (code, row["coverage"]) == (0, 1.0)
        assert any(note.startswith("index ") for note in said), said
    elif case.target == "values":
        assert code != 0 or any(said), "a night without market values said nothing"
    elif case.target == "master":
        assert (code, row["status"], home.table("ohlcv_data").height) == (1, "failed", 0)
        assert "no provider delivers universe" in row["error"]
    else:
        nothing = case.target == "token" or (case.after == 0 and case.kind not in BENT)
        assert (code, row["status"]) == ((1, "failed") if nothing else (3, "partial"))
        assert (row["rows"] == 0) is (nothing or (case.after == 0 and case.kind not in ("stale", "repeat")))
        assert row["coverage"] < 1
        expected = RULES.get(case.kind)
        assert set(home.table("quarantine")["rule"]) == ({expected} if expected else set())
        assert set(states["state"]) - {"halted", "no_trade"} <= {"quarantined" if expected else "gap", "gap"}
        assert states.filter(pl.col("state") == "gap").height == row["gaps"]


def run(case: Case, home: Any, server: Any, clean: Undisturbed, tools: Any) -> None:
    """A night under the fault, and the same command after it."""
    tr = TARGETS[case.region][case.target]
    control.set_fault(server.url, kind=case.kind, tr=tr, seconds=600, after=case.after, delay=1.0)
    began = time.monotonic()

    during = home.inside("nightly", case.region)

    assert time.monotonic() - began < HANGS, "the night hung"
    assert "Traceback" not in during.err
    assert sent(server) <= REPEATS * clean.requests
    row = during.rows[-1]
    counts = [row.get(name, 0) for name in ("received", "rows", "confirmed", "explained", "refused", "repeated")]
    assert counts[0] == sum(counts[1:])
    honest(case, during.code, row, home)
    refused = home.table("quarantine")
    # Levels of an index are no bars' rows: they stand in the quarantine beside them.
    of_bars = refused.filter(~pl.col("ticker").is_in(clean.tables["index_bars"]["index_code"].unique().to_list()))
    assert (of_bars.height, refused["reason"].null_count()) == (row.get("refused", 0), 0)
    found = home.business()
    for name in ("ohlcv_data", "index_bars"):
        assert only_in(found[name], clean.tables[name]).is_empty(), f"{name} holds rows that are not so"
    assert home.table("ohlcv_revisions").is_empty()

    control.clear_faults(server.url)
    control.clear_report(server.url)
    # Longer than a breaker stays open.
    time.sleep(0.25)
    after = home.inside("nightly", case.region)

    assert after.code == 0, after.out + after.err
    assert (after.row["coverage"], after.row["gaps"]) == (1.0, 0)
    healed = home.business()
    kept = [name for name in healed if name not in ("quarantine", "commits")]
    assert tools.differences({name: clean.tables[name] for name in kept}, {name: healed[name] for name in kept}) == {}
    assert home.table("quarantine").equals(refused), "what was refused is no longer kept as it came"
    assert sent(server) <= clean.requests + 2, "more was asked again than a whole night asks"


def test_every_kind_of_fault_has_its_place_in_the_matrix() -> None:
    assert sorted(KINDS) == sorted((*BROKEN, *OF_DATA))


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_disturbed_night_is_honest_and_the_same_command_heals_it(
    case: Case, night_home: NightHome, undisturbed: Callable[[str], Undisturbed], tools: Any
) -> None:
    home, server = night_home(environment=HASTE, regions=(case.region,), tickers=TICKERS)
    run(case, home, server, undisturbed(case.region), tools)


PASSING = ("history", "index", "master", "token")


@pytest.mark.parametrize("region", REGIONS)
def test_every_request_meets_one_fault_and_the_night_ends_like_a_clean_one(
    region: str, night_home: NightHome, undisturbed: Callable[[str], Undisturbed], tools: Any
) -> None:
    """Each kind of request is answered badly once, in the middle of its answers; nothing is left of it."""
    home, server = night_home(environment={**HASTE, "SPOCK_TRANSPORT__ATTEMPTS": "3"}, regions=(region,), tickers=TICKERS)
    for target, kind in zip(PASSING, ("cut", "bad_json", "empty_body", "http_500"), strict=True):
        control.set_fault(server.url, kind=kind, tr=TARGETS[region][target], count=1, after=int(target != "token"))
    clean = undisturbed(region)

    done = home.inside("nightly", region)

    assert done.code == 0, done.out + done.err
    assert tools.differences(clean.tables, home.business()) == {}
    assert sent(server) == clean.requests + len(PASSING)
