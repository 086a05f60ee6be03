"""What a region's settings hold, validated and frozen: times in seconds, limits in requests, zones as IANA names.

The values and their sources stand in `base.toml` and `regions/<CODE>.toml`; here are only their shapes and bounds.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

CapabilityName = Literal[
    "universe", "listing", "history", "market_day", "corporate_actions", "index", "fx", "quote", "news"
]
SecurityType = Literal["common", "preferred", "reit", "foreign", "depositary_receipt", "etf", "etn", "fund", "warrant"]


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not an IANA timezone such as Asia/Seoul") from error
    return name


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Timezone = Annotated[str, AfterValidator(_known_timezone)]
Regex = Annotated[str, AfterValidator(_compiles)]
Mic = Annotated[str, Field(pattern=r"^[A-Z0-9]{4}$")]
RegionCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+\S*$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FinalAt(_Frozen):
    """When a session's bars are final: local `time` in `timezone`, `day_offset` days after the session's date."""

    time: time
    timezone: Timezone
    day_offset: int = Field(default=0, ge=0, le=7)


class VenueConfig(_Frozen):
    """An exchange by its MIC. `calendar` is the MIC whose packaged calendar serves it, `lot` the usual lot in shares.

    `final_at` holds the key `default` and, where a provider's bars settle at another time, that provider's name.
    """

    mic: Mic
    name: str
    calendar: Mic
    lot: PositiveInt
    final_at: dict[str, FinalAt]

    def final_at_for(self, provider: str) -> FinalAt:
        """The finality rule for `provider`: its own, else the venue's default."""
        return self.final_at.get(provider, self.final_at["default"])

    @model_validator(mode="after")
    def _has_default(self) -> Self:
        if "default" not in self.final_at:
            raise ValueError("final_at needs an entry named default")
        return self


class UniverseRule(_Frozen):
    """Which listings a region follows.

    `min_value` is the least market value in the region's currency, `top` keeps the largest by it (None: all); a followed
    name stays until it has fallen out of the first (1 + `buffer`) × `top`. `members` names a membership list instead
    (`stock_connect`), `primary_only` drops secondary listings, `main_currency_only` drops lines in another currency than
    the region's.
    """

    security_types: tuple[SecurityType, ...] = Field(min_length=1)
    min_value: PositiveFloat | None = None
    top: PositiveInt | None = None
    buffer: float = Field(ge=0)
    members: Literal["stock_connect"] | None = None
    primary_only: bool
    main_currency_only: bool


class IndexConfig(_Frozen):
    """A market index: our `code`, its `name`, and each provider's own code for it."""

    code: str = Field(pattern=r"^[A-Z0-9]+$")
    name: str
    codes: dict[str, str]


class LimitConfig(_Frozen):
    """At most `requests` in any `seconds`."""

    requests: PositiveInt
    seconds: PositiveFloat


class HostConfig(_Frozen):
    """One host of a provider and the limits it sets; all limits hold at once."""

    base_url: Url
    limits: tuple[LimitConfig, ...] = Field(min_length=1)


class ProviderConfig(_Frozen):
    """How a provider is reached.

    `account` picks one of `hosts`; `files_url` is where its bulk files stand, with a trailing slash; `keys` names the
    secrets it needs and `key_lengths` how many characters each has, where the provider says so; `limits` are those of a
    provider that is reached through its own client and has no host here; `history_rows` and `index_rows` are the most rows
    one answer holds, for the request budget; `basis` is what its history is adjusted for; after a 429 nobody asks it for
    `rate_limit_seconds` (None: the limiter only slows down).
    """

    account: str = ""
    hosts: dict[str, HostConfig] = Field(default_factory=dict)
    files_url: str = ""
    keys: tuple[str, ...] = ()
    key_lengths: dict[str, PositiveInt] = Field(default_factory=dict)
    limits: tuple[LimitConfig, ...] = ()
    history_rows: PositiveInt = 5000
    index_rows: PositiveInt = 5000
    basis: Literal["raw", "split_adjusted"] = "raw"
    rate_limit_seconds: PositiveFloat | None = None

    @model_validator(mode="after")
    def _account_has_a_host(self) -> Self:
        if self.hosts and self.account not in self.hosts:
            raise ValueError(f"account {self.account!r} is none of {', '.join(self.hosts)}")
        return self


class TransportConfig(_Frozen):
    """How one request is tried: timeouts, back-off and `deadline` (for all attempts of a request) in seconds.

    A breaker opens for `breaker_seconds` after `breaker_failures` failed requests in a row; `workers` is the number of
    threads that fetch.
    """

    connect_timeout: PositiveFloat
    read_timeout: PositiveFloat
    attempts: PositiveInt
    rate_limit_attempts: PositiveInt
    backoff_base: PositiveFloat
    backoff_max: PositiveFloat
    deadline: PositiveFloat
    breaker_failures: PositiveInt
    breaker_seconds: PositiveFloat
    workers: PositiveInt


class CollectConfig(_Frozen):
    """How a night collects.

    `overlap_bars` stored bars are asked for again, a first night fetches `initial_sessions`, `coverage_threshold` is
    the share of cells that must be covered, a batch is committed after `batch_pages` or `batch_seconds`, and a provider
    may stay away for `patience_seconds`.
    """

    overlap_bars: int = Field(ge=0)
    initial_sessions: PositiveInt
    coverage_threshold: float = Field(ge=0, le=1)
    batch_pages: PositiveInt
    batch_seconds: PositiveFloat
    patience_seconds: PositiveFloat


class StoreConfig(_Frozen):
    """The DuckDB file: seconds to wait for its lock, replicas kept, DuckDB's memory limit ("" leaves it to DuckDB)."""

    lock_wait_seconds: PositiveFloat
    replicas: PositiveInt
    memory_limit: str = Field(default="", pattern=r"^(\d+(\.\d+)? ?([KMGT]i?B))?$")


class RegionConfig(_Frozen):
    """One region, resolved from all sources.

    `status` is the region_status a new home starts with: `live`, `test` (collects and scores but never trades), `off`.
    The first of `venues` is the main one. `chain` maps a capability to its providers in order; `codes` a provider to
    our venue MIC to the provider's own code of that exchange. Tickers match one of `ticker_patterns` in full.
    """

    region: RegionCode
    name: str
    aliases: tuple[str, ...]
    currency: Currency
    timezone: Timezone
    status: Literal["live", "test", "off"]
    venues: tuple[VenueConfig, ...] = Field(min_length=1)
    chain: dict[CapabilityName, tuple[str, ...]]
    codes: dict[str, dict[Mic, str]]
    ticker_patterns: tuple[Regex, ...] = Field(min_length=1)
    universe: UniverseRule
    banks: tuple[str, ...] = Field(min_length=4, max_length=4)
    watchlist: tuple[str, ...] = Field(min_length=1)
    indices: tuple[IndexConfig, ...] = Field(min_length=1)
    providers: dict[str, ProviderConfig]
    transport: TransportConfig
    collect: CollectConfig
    store: StoreConfig

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        mics = [venue.mic for venue in self.venues]
        if len(set(mics)) != len(mics):
            raise ValueError(f"venues name a MIC twice: {', '.join(mics)}")
        for capability, names in self.chain.items():
            self._require(f"chain.{capability}", names, tuple(self.providers), "provider")
        self._require("codes", tuple(self.codes), tuple(self.providers), "provider")
        for provider, by_venue in self.codes.items():
            self._require(f"codes.{provider}", tuple(by_venue), tuple(mics), "venue")
        for index in self.indices:
            self._require(f"indices.{index.code}.codes", tuple(index.codes), tuple(self.providers), "provider")
        for venue in self.venues:
            names = tuple(name for name in venue.final_at if name != "default")
            self._require(f"venues.{venue.mic}.final_at", names, tuple(self.providers), "provider")
        for ticker in (*self.banks, *self.watchlist):
            if not any(re.fullmatch(pattern, ticker) for pattern in self.ticker_patterns):
                raise ValueError(f"ticker {ticker!r} of banks or watchlist matches no ticker pattern")
        return self

    @staticmethod
    def _require(where: str, names: tuple[str, ...], known: tuple[str, ...], kind: str) -> None:
        for name in names:
            if name not in known:
                raise ValueError(f"{where} names the unknown {kind} {name!r}; known: {', '.join(known)}")
