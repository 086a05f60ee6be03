"""What yfinance keeps between requests: in the process, and in files of its own, which stand in our state folder.

Only its cookie is used (the crumb belongs to it); timezones and answers are not asked through its caches, but are cleared all
the same, so that a retry never meets an old answer.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

FOLDER = "yfinance"
_COOKIE = "A3"


def settle(state_dir: Path) -> None:
    """Put yfinance's cache files under `state_dir`: a cookie and timezones, both worth nothing when lost.

    The folder is the owner's alone (0700): what is read back from it is a pickle. Where it can't be made yfinance goes
    without.
    """
    from yfinance import cache  # type: ignore[import-untyped]

    folder = state_dir / FOLDER
    with contextlib.suppress(OSError):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    if cache._CookieDBManager.get_location() == str(folder):
        return
    cache.set_cache_location(str(folder))
    # Each holds on to the database of the folder before.
    cache._TzCacheManager._tz_cache = None
    cache._CookieCacheManager._Cookie_cache = None
    cache._ISINCacheManager._isin_cache = None


def data(session: Any) -> Any:
    """A `YfData` of our own on `session`: the class is a singleton, whose session anybody in the process may replace.

    It keeps a cookie only under a domain of Yahoo's and only through its cache file; without either it would fetch one before
    every request. Ours takes the one its session already has.
    """
    from yfinance.data import YfData  # type: ignore[import-untyped]

    class Data(YfData):  # type: ignore[misc]
        _cookie: Any

        def _get_cookie_basic(self, *args: Any, **rest: Any) -> bool:
            if self._cookie is None and any(cookie.name == _COOKIE for cookie in session.cookies.jar):
                self._cookie = True
            return bool(super()._get_cookie_basic(*args, **rest))

    return type.__call__(Data, session=session)


def forget(data: Any) -> None:
    """Drop the cookie, the crumb and every kept answer of `data` (a `YfData`)."""
    from peewee import PeeweeException
    from yfinance import cache

    data.cache_get.cache_clear()
    with data._cookie_lock:
        data._cookie = data._crumb = None
        data._cookie_strategy = "basic"
        data._session.cookies.clear()
        with contextlib.suppress(PeeweeException):
            cache.get_cookie_cache().store("curlCffi", None)
