"""A KIS that answers with whatever bodies a test gives it; the fixture `host` serves it over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Sequence


class Host:
    """A KIS that answers every transaction with the next of `pages`, and the last of them for ever."""

    def __init__(self) -> None:
        self.pages: Sequence[bytes] = ()
        self.more = ""
        self.answered = 0
        self.url = ""
        self._guard = threading.Lock()

    def serve(self, pages: Sequence[bytes]) -> None:
        """Answer with these from now on."""
        self.pages, self.answered = pages, 0

    def reply(self, path: str) -> bytes:
        """The body of one answer."""
        if path == "/oauth2/tokenP":
            return b'{"access_token":"token","expires_in":86400}'
        with self._guard:
            body = self.pages[min(self.answered, len(self.pages) - 1)]
            self.answered += 1
        return body
