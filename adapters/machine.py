"""What all processes of one machine share about the outside: the file behind the limiter and the breaker.

One small SQLite file (`limits.sqlite`) in the state folder. It keeps instants of the machine's monotonic clock, so a
stepped wall clock can neither block requests nor allow a burst; the boot id beside them says which boot they count
from. A file that is damaged, replaced or lost is made anew under a file lock, and the past it held is then taken for a
full window (`machine.full_at`): degraded means slower, never unlimited.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pipeline import resources
from pipeline.errors import StoreError, StoreFull, StoreReadOnly

T = TypeVar("T")

FILE = "limits.sqlite"
LOCK = "limits.lock"
NS = 1_000_000_000

#: How long one transaction waits for the others; each takes some 30 µs, so this is only reached when something hangs.
_BUSY_SECONDS = 30.0
#: Seconds between two looks at a taken write lock, from one to the other: a transaction takes some 30 µs.
_LOOK_AGAIN = (0.0001, 0.0005)
#: How long a look that writes nothing waits for a file that is being changed.
_GLANCE_SECONDS = 2.0
_TRIES = 5
_LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_GUESSED = "guessed-"

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_SCHEMA}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}


@functools.cache
def statements(name: str = "limits.sql") -> Mapping[str, str]:
    """The statements of one file of `sql/internal` by the name in the `-- name:` line above each."""
    text = resources.path("sql", "internal", name).read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split("-- name: ")[1:])
    return {title.strip(): body.strip().removesuffix(";") for title, _, body in parts}


def _begin(connection: sqlite3.Connection, begin: str) -> None:
    """Take the write lock, looking often: SQLite's own waiting sleeps up to 100 ms between looks, and who sleeps starves."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute(begin)
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() >= until:
                raise
            time.sleep(random.uniform(*_LOOK_AGAIN))
        else:
            return


@functools.cache
def boot_id() -> str:
    """What names this boot of the machine: the kernel's own id, else (`guessed-…`) its moment to ten minutes."""
    with contextlib.suppress(OSError):
        return _LINUX_BOOT_ID.read_text(encoding="ascii").strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            answered = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
            return answered.stdout.strip()
    return f"{_GUESSED}{round((time.time() - monotonic_ns() / NS) / 600)}"


def monotonic_ns() -> int:
    """Nanoseconds since boot by the clock that all processes of the machine share."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class MachineState:
    """The shared file of one state folder; safe for threads, and for processes that open it on their own.

    `run(work)` gives `work` a connection inside ONE write transaction, so whatever it reads stays true until it ends.
    Errors: `StoreReadOnly` (the folder can't be written), `StoreFull`, `StoreError` (damaged again and again).
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock_path = folder / LOCK
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._pid = os.getpid()

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once committed; `work` may run again after a damaged file was replaced."""
        return self._tried(functools.partial(self._transaction, work))

    def look(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """What `read` returns from one SELECT, as of the last commit: no write lock, a third of the calls of `run`."""
        return self._tried(lambda: read(self._opened()))

    def _tried(self, work: Callable[[], T]) -> T:
        with self._lock:
            for tried in range(1, _TRIES + 1):
                try:
                    return work()
                except sqlite3.Error as error:
                    self._recover(error, last=tried == _TRIES)
            raise AssertionError("the last try raises")

    def close(self) -> None:
        """Let go of the file; the next `run` opens it again."""
        with self._lock:
            self._drop_connection()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        sql = statements()
        connection = self._opened()
        _begin(connection, sql["begin"])
        try:
            result = work(connection)
            connection.execute(sql["commit"])
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute(sql["rollback"])
            raise
        return result

    def _recover(self, error: sqlite3.Error, last: bool) -> None:
        """Make the next try possible, or say in words why there is none."""
        code = _code(error)
        self._drop_connection()
        if code == sqlite3.SQLITE_FULL:
            raise self._full() from error
        if code in _REFUSED and not self._replaced():
            raise self._refused(error) from error
        if last:
            raise StoreError(
                f"{self.path}: the rate limits can't be kept ({error}), so nothing is sent; check its disk"
            ) from error
        if code not in _BUSY | _REFUSED:
            with self._file_lock():
                self._set_aside()

    def _opened(self) -> sqlite3.Connection:
        """The connection, opened anew when the file at the path is another one than ours (or after a fork)."""
        if self._pid != os.getpid():
            self._pid, self._connection, self._file = os.getpid(), None, None
        if self._connection is not None and not self._replaced():
            return self._connection
        lost = self._file is not None and self._replaced()
        self._drop_connection()
        self._connection = self._open(lost)
        return self._connection

    def _replaced(self) -> bool:
        try:
            found = self.path.stat()
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != self._file

    def _open(self, lost: bool) -> sqlite3.Connection:
        """Open or create under the file lock; `lost`: the file this process used before is gone."""
        with self._file_lock() as known:
            existed = self.path.exists()
            if not existed:
                self._create()
            found = self.path.stat()
            self._file = (found.st_dev, found.st_ino)
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection, doubtful=existed or known, lost=lost)
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self, connection: sqlite3.Connection, doubtful: bool, lost: bool) -> None:
        """Tables, and what the past was: nothing (first use), this boot's slots, or unknown, which counts as full."""
        sql = statements()
        connection.execute(sql["journal"])
        # No fsync: the state outlives a killed process without one, and after a power cut it belongs to an older boot.
        connection.execute(sql["durability"])
        connection.execute(sql["no_patience"])
        _begin(connection, sql["begin"])
        for name in ("create_machine", "create_slot", "create_slot_order", "create_pace", "create_breaker"):
            connection.execute(sql[name])
        now, boot = monotonic_ns(), boot_id()
        row = connection.execute(sql["machine"]).fetchone()
        if row is None:
            connection.execute(sql["add_machine"], {"boot": boot, "full_at": now if doubtful or lost else None})
        elif row[0] != boot:
            for name in ("forget_slots", "forget_paces", "forget_breakers"):
                connection.execute(sql[name])
            # What was sent before the boot was sent before the clock's zero; a guessed boot id may just have drifted.
            full_at = now if boot.startswith(_GUESSED) else 0
            connection.execute(sql["set_machine"], {"boot": boot, "full_at": full_at})
        elif lost:
            connection.execute(sql["doubt_past"], {"full_at": now})
        connection.execute(sql["commit"])

    def _create(self) -> None:
        """An empty file that all who share the folder may write (SQLite gives its -wal and -shm the same mode)."""
        shared = self.path.parent.stat().st_mode & stat.S_IWGRP
        descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.fchmod(descriptor, 0o660 if shared else 0o600)
        finally:
            os.close(descriptor)

    def _set_aside(self) -> None:
        """Move a damaged file out of the way unless another process did so already."""
        if self._replaced():
            return
        self.path.replace(self.path.with_name(f"{FILE}.damaged"))
        for suffix in ("-wal", "-shm"):
            self.path.with_name(f"{FILE}{suffix}").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _file_lock(self) -> Iterator[bool]:
        """Hold the lock file; yields whether a state file was made here before (then a missing one is a lost one)."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shared = self.path.parent.stat().st_mode & stat.S_IWGRP
            descriptor = os.open(self._lock_path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                known = os.fstat(descriptor).st_size > 0
                if not known:
                    os.fchmod(descriptor, 0o660 if shared else 0o600)
                    os.write(descriptor, b"made\n")
                yield known
            finally:
                os.close(descriptor)
        except OSError as error:
            raise (self._full() if error.errno in _NO_SPACE else self._refused(error)) from error

    def _full(self) -> StoreFull:
        return StoreFull(f"{self.path}: no space left for the rate limits, so nothing is sent; free some")

    def _refused(self, error: Exception) -> StoreReadOnly:
        return StoreReadOnly(
            f"{self.path}: the rate limits can't be written ({error}), so nothing is sent; "
            "make the folder writable or point SPOCK_STATE_DIR at one that is"
        )

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


@contextlib.contextmanager
def glance(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """A read-only look at the shared file of `folder`, which is neither made nor mended: None where it holds nothing.

    Nothing: no file, or one of an older boot. `StoreError` for a file that can't be read.
    """
    path = (folder / FILE).absolute()
    if not path.exists():
        yield None
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_GLANCE_SECONDS)) as found:
            boot, _ = found.execute(statements()["machine"]).fetchone() or ("", None)
            yield found if boot == boot_id() else None
    except sqlite3.Error as error:
        raise StoreError(f"{path}: can't be read ({error})") from error


_states: dict[Path, MachineState] = {}
_states_lock = threading.Lock()


def machine_state(folder: Path) -> MachineState:
    """The one `MachineState` of this process for `folder`."""
    with _states_lock:
        return _states.setdefault(folder.absolute(), MachineState(folder.absolute()))


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 1 (SQLITE_ERROR) where the error carries none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
