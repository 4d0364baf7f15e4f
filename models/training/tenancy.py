"""Folders of finished work are thrown away when nobody is at work beside them, and not before."""

import fcntl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from models.disk import PRUNED, sweep

FOLDER = ".work"
KEPT_FOR = timedelta(days=7)

_LOCK = ".tenants"


@contextmanager
def at_work(home: Path) -> Generator[None]:
    """Keep everything below `home` from being thrown away; any number may be at work at once.

    A process that is killed is at work no longer.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def prune(home: Path, now: datetime, spared: Path) -> tuple[str, ...]:
    """Throw away work that nobody added to for a week before `now`; return what is gone."""
    oldest = (now - KEPT_FOR).timestamp()
    found = sorted(home.iterdir()) if home.exists() else []
    stale = [
        entry
        for entry in found
        if entry.is_dir() and entry != spared and entry.stat().st_mtime < oldest
    ]
    return discard(home, stale)


def discard(home: Path, folders: Sequence[Path]) -> tuple[str, ...]:
    """Throw the folders away unless somebody is at work below `home`; return what is gone."""
    if not home.exists():
        return ()
    with (home / _LOCK).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ()
        for folder in folders:
            folder.rename(home / f"{PRUNED}{folder.name}")  # gone at once, whatever happens next
        sweep(home)
    return tuple(folder.name for folder in folders)
