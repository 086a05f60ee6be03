"""The write lock of a home: one writer among all processes and threads, readers never need it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import StoreLocked, StoreReadOnly

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_SAY_AFTER = 1.0


@contextmanager
def write_lock(
    path: Path, purpose: str, wait_seconds: float, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file at `path`; wait at most `wait_seconds` for another writer, saying so after a second.

    The kernel releases the lock when its holder ends, however it ends. Raises `StoreLocked` naming the holder,
    `StoreReadOnly` where the file can't be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreReadOnly(
            f"{path.parent}: can't be written ({error.strerror}): point SPOCK_HOME at a folder you can write to"
        ) from error
    try:
        _wait(descriptor, path, wait_seconds, say)
        with suppress(OSError):  # a full disk: the kernel holds the lock, the words only name its holder
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, wait_seconds: float, say: Callable[[str], None] | None) -> None:
    started = time.monotonic()
    pause = _FIRST_PAUSE
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - started
            if waited >= wait_seconds:
                raise StoreLocked(
                    f"{path.parent}: {_holder(descriptor)} has been writing for over {wait_seconds:g} s: "
                    "wait for it to end, or raise store.lock_wait_seconds"
                ) from None
            if say is not None and not said and waited >= _SAY_AFTER:
                say(f"waiting for {_holder(descriptor)} to finish writing to {path.parent}")
                said = True
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {holder['pid']} ({holder['purpose']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
