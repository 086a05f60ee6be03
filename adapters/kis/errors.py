"""What KIS says when it refuses, as kinds of `Terminal`: another attempt of the same request would get the same answer.

Terminal
├── TokenRejected    the token is expired or unknown to the host: get another one, then ask again
├── TokenTooSoon     one token a minute: somebody asked within the last minute
├── KeysRefused      app key or app secret: a person has to look
└── NotOnThisHost    a transaction that the paper host does not offer
"""

from __future__ import annotations

from pipeline.errors import Terminal


class TokenRejected(Terminal):
    """EGW00121, EGW00123: the host no longer takes the token that was sent."""


class TokenTooSoon(Terminal):
    """EGW00133: a token was asked for within the last minute."""


class KeysRefused(Terminal):
    """EGW00103, EGW00105 and others: app key or app secret were refused."""


class NotOnThisHost(Terminal):
    """EGW02006 and others: the transaction exists on the real host only."""
