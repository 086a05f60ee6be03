"""KIS as a market adapter, and how one is opened from settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.base import Capability, History, IndexHistory, Instrument, Listing, MarketAdapter, Universe, check_range
from adapters.breaker import Breaker
from adapters.kis import archive
from adapters.kis.desk import Desk, desk_of
from adapters.kis.token import IssuedToken, Tokens
from adapters.kis.wire import ISSUE_CAPABILITY, Credentials, Wire
from adapters.limiter import Limit, Limiter
from adapters.sandbox.control import PAPER_APP_KEY, fetch_info
from adapters.transport import Answer, Attempt, Transport, key_hash
from pipeline import settings
from pipeline.errors import ConfigError, Terminal, Unavailable

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

#: Master files come from a plain file server and are hundreds of kilobytes long.
_FILE_TIMEOUT = 15.0


class KisAdapter(MarketAdapter):
    """Korea Investment & Securities. Serves every region whose venues settings give a code of KIS: universe, listing,
    history (raw), index. Safe for many threads.

    An adapter serves the region of its `config` and no other: Unsupported.
    `limits` bind all processes of the machine that use the same app key; `state_dir` holds what they share (slots,
    breakers, the token). `on_attempt` is called in the asking thread for every attempt. `partial_lists` accepts that
    one of the region's exchanges has no listing or value: a sandbox may be that small, the real one is not.
    """

    provider = "kis"

    def __init__(
        self,
        config: RegionConfig,
        credentials: Credentials,
        *,
        state_dir: Path,
        base_url: str,
        files_url: str,
        limits: Sequence[Limit],
        on_attempt: Callable[[Attempt], None] | None = None,
        partial_lists: bool = False,
    ) -> None:
        provider_config = config.providers[self.provider]
        self._region = config.region
        self._files_url = files_url.rstrip("/") + "/"
        key = f"{self.provider}:{key_hash(credentials.app_key)}"
        transport = config.transport

        def breakers(host: str) -> Callable[[str], Breaker]:
            # Hosts fail one by one, while a key's slots are counted over all of them. So do regions, whose transactions and
            # files differ; the token is the key's, whatever the region.
            shared = f"{key}:{key_hash(host)}"

            def breaker(capability: str) -> Breaker:
                name = shared if capability == ISSUE_CAPABILITY else f"{shared}:{config.region}"
                return Breaker(state_dir, name, capability, transport.breaker_failures, transport.breaker_seconds)

            return breaker

        self._transport = Transport(
            self.provider,
            base_url,
            limiter=Limiter(state_dir, key, limits),
            breakers=breakers(base_url),
            config=transport,
            on_attempt=on_attempt,
        )
        # The file server asks for no key and counts nothing: its requests take no slot of the data limit.
        self._files = Transport(
            self.provider,
            self._files_url,
            limiter=Limiter(state_dir, f"{self.provider}:files", ()),
            breakers=breakers(self._files_url),
            config=transport,
            on_attempt=on_attempt,
        )

        def tokens(issue: Callable[[], IssuedToken]) -> Tokens:
            return Tokens(
                state_dir / "tokens",
                app_key=credentials.app_key,
                app_secret=credentials.app_secret,
                host=base_url,
                issue=issue,
            )

        self._wire = Wire(self._transport, credentials, tokens)
        desk = desk_of(config, self.provider)
        self._desk = (
            None
            if desk is None
            else desk(
                config,
                self.provider,
                self._wire,
                self._master,
                paper=provider_config.account == "paper",
                partial_lists=partial_lists,
            )
        )

    @property
    def sent(self) -> int:
        """Attempts sent so far, token and file requests included."""
        return self._transport.sent + self._files.sent

    def universe(self, region: str) -> Universe:
        """All listings of the region's exchanges from the provider's master files (no key, no slot).

        Overseas: market values and members by the condition search, where the region's rule needs them; `unvalued` where it
        did not run.
        Unavailable for a file that is missing, cut, empty or of another layout: a part of the market is no universe.
        """
        return self._serving(region, Capability.UNIVERSE).universe()

    def listing(self, instrument: Instrument) -> Listing:
        """Listing dates, abolition and halt of one ticker; Unsupported on the paper host."""
        return self._serving(instrument.region, Capability.LISTING).listing(instrument)

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        """Daily bars as traded (basis raw) in the listing's currency, 100 a request, until the calendar is satisfied.

        The caller asks for closed sessions only: the bar of a session that is still open is not history.
        """
        desk = self._serving(instrument.region, Capability.HISTORY)
        check_range(start, end, instrument.ticker)
        return desk.history(instrument, start, end)

    def index(self, region: str, index_code: str, start: dt.date, end: dt.date) -> IndexHistory:
        """Daily levels of an index of settings (`KOSPI`, `SPX`, `HSI`); Unsupported for one that KIS has no code for."""
        desk = self._serving(region, Capability.INDEX)
        check_range(start, end, index_code)
        return desk.index(index_code, start, end)

    def close(self) -> None:
        """Release connections; the adapter is not used afterwards."""
        self._transport.close()
        self._files.close()

    def _serving(self, region: str, capability: Capability) -> Desk:
        """The region's desk; Unsupported where KIS has none or the adapter is another region's."""
        if self._desk is None or region != self._region:
            raise self._unsupported(capability, region)
        return self._desk

    def _master(self, file: str) -> bytes:
        """One master file, unzipped inside the attempt, so that a cut one is fetched again."""
        content: list[bytes] = []

        def judge(answer: Answer) -> None:
            if answer.status < 300:
                content.append(archive.unzip(answer.body, file))

        try:
            self._files.request(
                "GET",
                self._files_url + file,
                capability=Capability.UNIVERSE,
                judge=judge,
                read_timeout=_FILE_TIMEOUT,
            )
        except Terminal as error:
            raise Unavailable(f"{self.provider}: master file {file}: {error}") from error
        return content[-1]


def open_adapter(config: RegionConfig, *, on_attempt: Callable[[Attempt], None] | None = None) -> KisAdapter:
    """A KIS adapter as settings, secrets and the environment describe it.

    With SPOCK_SANDBOX_URL both hosts are the sandbox, and its limits are kept as long as it enforces them. Unavailable
    where a key is missing or the sandbox can't be reached; ConfigError for a key that can't be one.
    """
    provider = config.providers[KisAdapter.provider]
    host = provider.hosts[provider.account]
    base_url, files_url = host.base_url, provider.files_url
    limits = tuple(Limit(limit.requests, limit.seconds) for limit in host.limits)
    sandbox = settings.sandbox_url()
    if sandbox is not None:
        base_url, files_url = sandbox, f"{sandbox}/common/master/"
        if not fetch_info(sandbox).enforce:
            limits = ()
    keys = [(name, settings.secret(name)) for name in provider.keys]
    missing = [name for name, value in keys if value is None or not value.get_secret_value().strip()]
    if missing:
        raise Unavailable(
            f"{KisAdapter.provider}: {' and '.join(missing)} not set: put them into the environment or into a "
            f".env file (mode 0600) in {settings.home()}, or set SPOCK_SANDBOX_URL to try without keys"
        )
    lengths = [said for name in provider.keys if (said := settings.wrong_length(name, provider.key_lengths))]
    if lengths:
        # A wrong key asked for often enough gets the right one locked: nothing is sent with it.
        raise ConfigError(f"{KisAdapter.provider}: {'; '.join(lengths)}")
    app_key, app_secret = (value.get_secret_value() for _, value in keys if value is not None)
    if sandbox is not None and provider.account == "paper":
        # The sandbox tells its paper host from the real one by the key.
        app_key = PAPER_APP_KEY
    return KisAdapter(
        config,
        Credentials(app_key, app_secret),
        state_dir=settings.state_dir(),
        base_url=base_url,
        files_url=files_url,
        limits=limits,
        on_attempt=on_attempt,
        partial_lists=sandbox is not None,
    )
