"""Region and capability to an ordered chain of providers; the chain is walked until one delivers.

Two words decide: *Unsupported* skips quietly, *Unavailable* goes on to the next and is told. *NotYet* is remembered:
when nobody else delivers, the caller hears when to come back.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from adapters import kis, yfinance
from adapters.base import Capability, MarketAdapter
from pipeline import settings
from pipeline.errors import NotYet, Unavailable, Unsupported, UsageError

if TYPE_CHECKING:
    from adapters.transport import Attempt
    from pipeline.settings import RegionConfig

T = TypeVar("T")
OnAttempt = Callable[["Attempt"], None]


class Opener(Protocol):
    """Makes a provider's adapter from settings; Unavailable without its keys."""

    def __call__(self, config: RegionConfig, *, on_attempt: OnAttempt) -> MarketAdapter: ...


#: Providers that have an adapter in this version. Settings may name others: they are skipped with a line.
OPENERS: Mapping[str, Opener] = {"kis": kis.open_adapter, "yfinance": yfinance.open_adapter}

#: Adapters are shared by all chains of the process, while attempts belong to the chain whose call made them.
_asking: ContextVar[Chain | None] = ContextVar("asking", default=None)
_lock = threading.Lock()
_adapters: dict[tuple[str, str, str], MarketAdapter] = {}


@dataclass(frozen=True)
class Walked:
    """One provider a chain asked: served, unsupported, unavailable or not_yet, and why in the provider's words."""

    provider: str
    outcome: str
    reason: str

    def __str__(self) -> str:
        return f"{self.provider}: {self.outcome}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class Served(Generic[T]):
    """What a chain brought, from whom, and who was asked before (in order, the serving provider last)."""

    value: T
    provider: str
    attempts: tuple[Walked, ...]


class Chain:
    """The providers of one region and capability, in the order of settings. Safe for many threads.

    `providers` have an adapter and their keys; `skipped` says of the others, a line each, why not; `away` that one of those
    has an adapter and would be asked if its keys were there.
    """

    def __init__(
        self,
        region: str,
        capability: str,
        adapters: Mapping[str, MarketAdapter],
        skipped: list[str],
        on_attempt: OnAttempt | None = None,
        *,
        away: bool = False,
    ) -> None:
        self.region = region
        self.capability = capability
        self.skipped = skipped
        self._away = away
        self._adapters = dict(adapters)
        self._on_attempt = on_attempt
        self._requests: Counter[str] = Counter()
        self._count = threading.Lock()

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the providers that will be asked, in order."""
        return tuple(self._adapters)

    @property
    def requests(self) -> dict[str, int]:
        """Attempts sent on behalf of this chain so far, by provider."""
        with self._count:
            return dict(self._requests)

    def call(self, ask: Callable[[MarketAdapter], T]) -> Served[T]:
        """Ask the providers in order until one delivers.

        When none does: NotYet with the earliest time if somebody will have it later; Unsupported if nobody offers it;
        otherwise Unavailable, listing everyone asked and everyone skipped, with what the first of them had brought in part.
        """
        walked: list[Walked] = []
        later: list[NotYet] = []
        retry_at: list[dt.datetime] = []
        partial: object | None = None
        for provider, adapter in self._adapters.items():
            mark = _asking.set(self)
            try:
                value = ask(adapter)
            except Unsupported as error:
                walked.append(Walked(provider, "unsupported", str(error)))
            except NotYet as error:
                walked.append(Walked(provider, "not_yet", str(error)))
                later.append(error)
            except Unavailable as error:
                walked.append(Walked(provider, "unavailable", str(error)))
                partial = partial or error.partial
                if error.retry_at is not None:
                    retry_at.append(error.retry_at)
            else:
                walked.append(Walked(provider, "served", ""))
                return Served(value, provider, tuple(walked))
            finally:
                _asking.reset(mark)
        raise self._nobody(walked, later, retry_at, partial)

    def only(self, provider: str) -> Chain:
        """A chain that asks `provider` alone, with counts of its own; UsageError where this one would not ask it."""
        if provider not in self._adapters:
            raise UsageError(f"chain of {self.capability} for {self.region} asks {', '.join(self._adapters)}, not {provider}")
        return Chain(self.region, self.capability, {provider: self._adapters[provider]}, [], self._on_attempt)

    def close(self) -> None:
        """Let go of the adapters; they stay open for other chains until `reset()`."""
        self._adapters = {}

    def sent(self, attempt: Attempt) -> None:
        """Count one attempt made on behalf of this chain and pass it on."""
        with self._count:
            self._requests[attempt.provider] += 1
        if self._on_attempt is not None:
            self._on_attempt(attempt)

    def _nobody(
        self, walked: list[Walked], later: list[NotYet], retry_at: list[dt.datetime], partial: object | None
    ) -> NotYet | Unsupported | Unavailable:
        told = "; ".join([*map(str, walked), *self.skipped]) or "settings name no provider"
        message = f"no provider delivers {self.capability} for {self.region}: {told}"
        if later:
            return NotYet(message, min(error.retry_at for error in later))
        if walked and not self._away and all(one.outcome == "unsupported" for one in walked):
            return Unsupported(message)
        return Unavailable(message, min(retry_at, default=None), partial)


def chain(region: str, capability: str, *, on_attempt: OnAttempt | None = None) -> Chain:
    """The chain of settings for `region` (a code or alias) and `capability` (one of `Capability`).

    `on_attempt` hears of every attempt that calls of this chain make, in the calling thread. A provider without an
    adapter in this version, without keys or out of reach is skipped with a line. UsageError for an unknown region or
    capability; ConfigError for settings or secrets that can't be taken.
    """
    if capability not in {known.value for known in Capability}:
        raise UsageError(f"unknown capability {capability!r}: one of {', '.join(known.value for known in Capability)}")
    config = settings.get_config(region)
    adapters: dict[str, MarketAdapter] = {}
    skipped: list[str] = []
    away = False
    for provider in _named(config, capability):
        opener = OPENERS.get(provider)
        if opener is None:
            skipped.append(f"{provider}: no adapter in this version")
            continue
        try:
            adapters[provider] = _shared(provider, opener, config)
        except Unavailable as error:
            skipped.append(_one_line(provider, str(error)))
            away = True
    return Chain(config.region, str(capability), adapters, skipped, on_attempt, away=away)


def able(config: RegionConfig, capability: str) -> tuple[str, ...]:
    """The providers of `config` that a chain of `capability` would ask: those with an adapter and their keys, in order.

    Opens nothing: a sandbox out of reach shows only when the chain is made. ConfigError for a `.env` that can't be read.
    """
    return tuple(name for name in _named(config, capability) if name in OPENERS and _has_keys(config, name))


def reset() -> None:
    """Close all shared adapters; the next chain opens new ones (tests, a changed environment)."""
    with _lock:
        adapters = list(_adapters.values())
        _adapters.clear()
    for adapter in adapters:
        adapter.close()


def _named(config: RegionConfig, capability: str) -> tuple[str, ...]:
    return next((names for known, names in config.chain.items() if known == capability), ())


def _has_keys(config: RegionConfig, provider: str) -> bool:
    return all(settings.secret_origin(key) is not None for key in config.providers[provider].keys)


def _shared(provider: str, opener: Opener, config: RegionConfig) -> MarketAdapter:
    """The process's one adapter of this provider, account and region."""
    key = (provider, _account(provider, config), config.region)
    with _lock:
        adapter = _adapters.get(key)
        if adapter is None:
            adapter = _adapters[key] = opener(config, on_attempt=_dispatch)
        return adapter


def _account(provider: str, config: RegionConfig) -> str:
    """The provider's account in settings; providers without accounts have one adapter."""
    provider_config: Any = config.providers.get(provider)
    return str(getattr(provider_config, "account", None) or "")


def _dispatch(attempt: Attempt) -> None:
    """Attempts run in the thread of the call that needs them."""
    asking = _asking.get()
    if asking is not None:
        asking.sent(attempt)


def _one_line(provider: str, reason: str) -> str:
    reason = " ".join(reason.split())
    return reason if reason.startswith(f"{provider}:") else f"{provider}: {reason}"
