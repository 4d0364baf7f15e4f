"""Files that are there whole or not at all, and one writer at a time."""

import fcntl
import os
import platform
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG

STAGING = ".staging-"
PRUNED = ".pruned-"

_LOCK = ".lock"


def read_limited(path: Path, limit: int) -> bytes:
    """Return the content of a plain file; at most one byte more than `limit` is read.

    Raises:
        OSError: it cannot be read, is a link, or is no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is no plain file")
        return file.read(limit + 1)


def write_durably(path: Path, content: bytes) -> None:
    """Write a plain file and wait until the disk has it.

    Raises:
        OSError: it cannot be written, or a link or something else that is no file lies there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Put new content in the place of the old at once; a failure leaves the old."""
    draft = path.with_name(f".{path.name}.tmp")
    draft.unlink(missing_ok=True)  # left by a kill, or put there to be written through
    try:
        write_durably(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Put content in place at once, whoever else writes the same; a failure leaves nothing.

    Processes of several machines may share the folder: the draft is named after its writer.
    """
    writer = f"{platform.node()}.{os.getpid()}.{threading.get_ident()}"
    draft = path.with_name(f".{path.name}.{writer}")
    try:
        write_durably(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def one_writer(root: Path) -> Generator[None]:
    """Wait until no other process or thread writes below `root`, and keep them waiting."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, also by a kill
        yield


def sweep(home: Path) -> None:
    """Remove what writers that were killed left behind; only for the one writer."""
    for entry in home.iterdir() if home.exists() else ():
        if entry.name.startswith((STAGING, PRUNED)):
            shutil.rmtree(entry, ignore_errors=True)
