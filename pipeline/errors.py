"""Every error Spock raises on purpose, as one tree.

    SpockError                       exit code 1
    ├── UsageError                   exit code 2: an argument can't be taken
    │   ├── ConfigError              a setting can't be taken
    │   └── CalendarUnknown          a date outside what a venue's calendar knows
    ├── TooEarly                     exit code 3: the session asked for is not final yet (carries retry_at)
    ├── StoreError
    │   ├── StoreLocked              another process has been writing for longer than we wait
    │   ├── StoreCorrupt             truncated or damaged file
    │   ├── StoreForeign             not a file of ours
    │   ├── StoreTooNew              written by a newer Spock
    │   ├── StoreFull                no space left on the device
    │   ├── StoreReadOnly            the folder or the mount can't be written
    │   ├── OriginMismatch           sandbox rows into a live store, or the other way round
    │   ├── DuplicateRows            a key would stand more than once: rolled back
    │   ├── MigrationError           a migration failed or its file changed after it ran
    │   └── NoReplica                nothing has been published yet
    ├── TransportError               one request, as the transport saw it
    │   ├── Transient                worth another attempt (timeouts, 5xx, cut bodies, an expired token)
    │   │   └── RateLimited          the provider says we ask too often; the limiter slows down
    │   └── Terminal                 another attempt would get the same answer
    └── ProviderError                one capability of one provider
        ├── Unsupported              the provider does not offer it: skip quietly
        ├── Unavailable              it should have answered: try the next, tell why (may carry retry_at)
        └── NotYet                   the data will exist at retry_at: come back, don't fail over

A message names the value, where it came from and what to do next.
"""

from __future__ import annotations

from datetime import datetime


class SpockError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(SpockError):
    """An argument can't be taken."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting, key file or environment variable can't be taken."""


class CalendarUnknown(UsageError):
    """A date lies outside what a venue's calendar knows: unknown is not open."""


class TooEarly(SpockError):
    """The session asked for is not final yet; `retry_at` (timezone-aware) is when it will be."""

    exit_code = 3

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class StoreError(SpockError):
    """The store can't do what was asked."""


class StoreLocked(StoreError):
    """Another process has been writing for longer than `store.lock_wait_seconds`."""


class StoreCorrupt(StoreError):
    """The file is truncated or damaged."""


class StoreForeign(StoreError):
    """The file is not a Spock store."""


class StoreTooNew(StoreError):
    """The file was written by a newer Spock than this one."""


class StoreFull(StoreError):
    """No space left on the device; nothing of the batch was committed."""


class StoreReadOnly(StoreError):
    """The home can't be written."""


class OriginMismatch(StoreError):
    """A store made from the sandbox refuses live rows, and the other way round."""


class DuplicateRows(StoreError):
    """A key would stand more than once in a table that promises one row a key."""


class MigrationError(StoreError):
    """A migration failed, is missing, or changed after it ran."""


class NoReplica(StoreError):
    """Nothing has been published yet, so there is nothing to read."""


class TransportError(SpockError):
    """One request failed."""


class Transient(TransportError):
    """Worth another attempt. `retry_after` in seconds where the provider named it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The provider complains about our rate; the limiter slows down for all processes."""


class Terminal(TransportError):
    """Another attempt would get the same answer."""


class ProviderError(SpockError):
    """A capability of a provider did not deliver."""


class Unsupported(ProviderError):
    """The provider does not offer this capability for this region: skipped quietly."""


class Unavailable(ProviderError):
    """The provider should have answered and did not; `retry_at` where a better time is known.

    `partial` is what had come before it stopped answering (a `History` that is not exhausted), None where nothing had.
    """

    def __init__(self, message: str, retry_at: datetime | None = None, partial: object | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.partial = partial


class NotYet(ProviderError):
    """The data will exist at `retry_at`: come back then, don't fail over."""

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at
