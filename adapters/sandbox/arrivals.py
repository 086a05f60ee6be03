"""When the bytes of a connection reached this machine: by the kernel's own stamps where it gives them (Linux).

A thread that was kept from reading must not count a request late: on a loaded machine that alone would push well-spaced
requests into one second. Elsewhere, and in the first moments after the machine's first `stamp`, it is when they were read.
"""

from __future__ import annotations

import contextlib
import io
import math
import socket
import struct
import sys
import time
from typing import Any

#: SO_TIMESTAMPNS of Linux (asm-generic/socket.h), which Python does not name: the time of arrival with every read.
_OPTION = 35 if sys.platform == "linux" else None
_TIMESPEC = struct.Struct("qq")
_ROOM = 64
#: The two clocks count as read together when so many seconds passed meanwhile; else they are read again, so often.
_TOGETHER = 20e-6
_TRIES = 5


def stamp(listening: socket.socket) -> None:
    """Have the kernel stamp what arrives at connections of this socket, those not yet accepted included."""
    if _OPTION is not None:
        with contextlib.suppress(OSError):  # a kernel without it: the time of reading must do
            listening.setsockopt(socket.SOL_SOCKET, _OPTION, 1)


class StampedReader(io.RawIOBase):
    """The bytes of a connection; `at`, in monotonic seconds, is when the last of those read reached this machine.

    The kernel has one time for what one read returns: of requests sent without waiting for answers, the last one's.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.at = -math.inf

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is into `buffer`; 0 at the end, `OSError` as the socket raises it."""
        count, about, _, _ = self._connection.recvmsg_into([buffer], _ROOM)
        now = arrived = time.monotonic()
        for level, kind, value in about:
            if (level, kind) == (socket.SOL_SOCKET, _OPTION) and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                arrived = _monotonic(seconds * 1_000_000_000 + nanoseconds)
        # A wall clock that was set meanwhile moves no arrival into the future, nor before what came in earlier.
        self.at = max(self.at, min(arrived, now))
        return count


def _monotonic(wall: int) -> float:
    """When the wall clock showed `wall` nanoseconds, by the monotonic clock.

    A thread may be stopped between reading the one and the other: the closest of a few pairs is taken.
    """
    closest, at = math.inf, 0.0
    for _ in range(_TRIES):
        before, shown, after = time.monotonic(), time.time_ns(), time.monotonic()
        if after - before < closest:
            closest, at = after - before, (before + after) / 2 - (shown - wall) / 1e9
        if closest < _TOGETHER:
            break
    return at
