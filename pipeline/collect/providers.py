"""Whom a region can ask for history now: the provider whose finality, page size and basis count.

Which provider that is depends on the keys of the machine; a chain with nobody to ask keeps its first name, so that a plan can
still be made and the missing key is told where the question is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters import factory
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig


def history_provider(config: RegionConfig) -> str:
    """The provider whose finality, page size and basis count: the first of the region's chain that can be asked for history.

    Where none can be asked (no keys, no adapter) the first one named. `UsageError` for a chain that names nobody.
    """
    named = config.chain.get("history", ())
    if not named:
        raise UsageError(f"region {config.region}: settings name no provider for history (chain.history)")
    able = named if len(named) < 2 else factory.able(config, "history") or named
    return able[0]


def frozen(config: RegionConfig) -> RegionConfig:
    """`config` with the answer of `history_provider` held fast: a key file that changes meanwhile moves no session.

    Its chain for history is that one provider. The other chains stay as settings name them: that a list comes from another
    than the first provider named, for want of its keys, is what makes it a substitute. Questions are asked through
    `adapters.factory`, which reads the settings anew: no provider is left out of those.
    """
    return config.model_copy(update={"chain": {**config.chain, "history": (history_provider(config),)}})
