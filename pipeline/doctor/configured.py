"""Checks of what is configured: settings, keys, limits, allowed use, the clock, the calendars of the venues."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import clock, settings
from pipeline.doctor.finding import Finding
from pipeline.errors import ConfigError, Unavailable, UsageError

if TYPE_CHECKING:
    from pipeline.settings import ProviderConfig, RegionConfig

#: A clock this far from the sandbox's running one disturbs tokens and finality.
SKEW = dt.timedelta(seconds=5)

#: What to do about a clock that is off.
KEEP_TIME = "let the system keep its time (`timedatectl` shows whether it does)"

_ALLOWED_USE = Path(__file__).with_name("allowed_use.toml")
_AGAIN = "correct that, then run `spock doctor` again"


def load_settings() -> tuple[list[RegionConfig], list[Finding]]:
    """The settings of all regions that load, and what is wrong with the others."""
    configs, findings = [], []
    for region in settings.available_regions():
        try:
            configs.append(settings.get_config(region))
        except ConfigError as error:
            findings.append(Finding("settings", "wrong", str(error), _AGAIN))
    if not findings:
        findings.append(Finding("settings", "ok", f"those of {len(configs)} regions load"))
    return configs, findings


def keys(configs: list[RegionConfig]) -> Iterator[Finding]:
    """Which keys are set, by name and place, and whether they have their length; a value never leaves `settings.secrets`."""
    from adapters.factory import OPENERS

    for name, provider, regions in chained(configs):
        if not provider.keys:
            continue
        try:
            places = {key: settings.secret_origin(key) for key in provider.keys}
            unfit = [words for key in provider.keys if (words := settings.wrong_length(key, provider.key_lengths))]
        except ConfigError as error:
            yield Finding("keys", "wrong", f"{name}: {error}", _AGAIN)
            continue
        words = f"{name} ({' '.join(regions)}): " + ", ".join(
            f"{key} set ({place})" if place else f"{key} missing" for key, place in places.items()
        )
        if unfit:
            yield Finding("keys", "wrong", "; ".join([words, *unfit]), _AGAIN)
        elif name not in OPENERS:
            yield Finding("keys", "ok", f"{words}; this version has no adapter for {name} yet")
        elif all(places.values()):
            yield Finding("keys", "ok", words)
        else:
            todo = "put them into .env (see .env.example), or set SPOCK_SANDBOX_URL to try the sandbox"
            yield Finding("keys", "notice", words, todo)


def limits(configs: list[RegionConfig]) -> Iterator[Finding]:
    """The rate limits of each provider some region asks."""
    for name, provider, _ in chained(configs):
        host = provider.hosts.get(provider.account)
        limits = host.limits if host is not None and host.limits else provider.limits
        account = f"{name} ({provider.account})" if provider.account else name
        if limits:
            told = " and ".join(f"{limit.requests:,} in {limit.seconds:g} s" for limit in limits)
            yield Finding("limits", "ok", f"{account}: at most {told}")
        else:
            todo = f"set providers.{name}.limits, or the limits of its host"
            yield Finding("limits", "notice", f"{account}: no limit is set: requests go out as fast as they can", todo)


def allowed_use(configs: list[RegionConfig]) -> Iterator[Finding]:
    """What the data of each provider may be used for, by the packaged table, with its source and the day it was read."""
    table = tomllib.loads(_ALLOWED_USE.read_text(encoding="utf-8"))
    for name, _, _ in chained(configs):
        if name not in table:
            words = f"{name}: nothing is known here of what its data may be used for"
            yield Finding("allowed use", "notice", words, "read the provider's terms first")
            continue
        entry = table[name]
        told = f"{name}: {entry['use']}; handing it on: {entry['redistribution']} ({entry['source']}, read {entry['read']})"
        todo = "" if entry["redistribution"] == "yes" else "keep its rows to yourself unless its terms allow more"
        yield Finding("allowed use", "ok", told, todo)


def chained(configs: list[RegionConfig]) -> Iterator[tuple[str, ProviderConfig, list[str]]]:
    """Every provider some region's chain names, its settings (of the first such region), and those regions."""
    providers: dict[str, tuple[ProviderConfig, list[str]]] = {}
    for config in configs:
        for name in dict.fromkeys(name for names in config.chain.values() for name in names):
            providers.setdefault(name, (config.providers[name], []))[1].append(config.region)
    for name, (provider, regions) in providers.items():
        yield name, provider, regions


def look_at_clock() -> tuple[dt.datetime, list[Finding]]:
    """The moment commands would take for now, and what is to be said about it."""
    from adapters.sandbox import control

    wall = dt.datetime.now(dt.UTC)
    try:
        found = clock.resolve()
        url = settings.sandbox_url()
        if found.source == "SPOCK_NOW":
            words = f"SPOCK_NOW holds every command at {found.now:%Y-%m-%d %H:%M} UTC"
            return found.now, [Finding("clock", "notice", words, "unset SPOCK_NOW for tonight's sessions")]
        if url is None:
            words = f"{wall:%Y-%m-%d %H:%M} UTC by this machine; not compared, since no provider is asked here"
            return wall, [Finding("clock", "notice", words, KEEP_TIME)]
        info = control.fetch_info(url)
    except (UsageError, Unavailable) as error:
        return wall, [Finding("clock", "wrong", str(error), "correct the variable it names")]
    skew = info.now - dt.datetime.now(dt.UTC)
    if info.frozen:
        return info.now, [Finding("clock", "ok", f"the sandbox holds {info.now:%Y-%m-%d %H:%M} UTC (frozen)")]
    if abs(skew) > SKEW:
        side = "behind" if skew > dt.timedelta() else "ahead of"
        words = f"this machine is {abs(skew.total_seconds()):.0f} s {side} the sandbox"
        return info.now, [Finding("clock", "notice", words, KEEP_TIME)]
    return info.now, [Finding("clock", "ok", f"within {SKEW.total_seconds():g} s of the sandbox")]
