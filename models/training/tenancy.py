"""Folders of finished work are thrown away when nobody is at work beside them, and not before."""

import fcntl
from collections.abc import Generator, Iterable
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
    """Throw away work that nobody added to for a week before `now`; return what is gone.

    Nothing goes while anybody is at work below `home`, and `spared` never does.
    """
    oldest, stale = (now - KEPT_FOR).timestamp(), list[Path]()
    with _alone(home) as is_alone:
        if is_alone:
            sweep(home)  # what was begun by one that was killed
            stale = [
                entry
                for entry in sorted(home.iterdir())
                if entry.is_dir() and entry != spared and entry.stat().st_mtime < oldest
            ]
            _throw_away(home, stale)
    return tuple(entry.name for entry in stale)


def discard(home: Path, folder: Path) -> bool:
    """Throw the folder away unless somebody is at work below `home`; return whether it is gone."""
    with _alone(home) as is_alone:
        if is_alone and folder.exists():
            sweep(home)
            _throw_away(home, (folder,))
    return not folder.exists()


@contextmanager
def _alone(home: Path) -> Generator[bool]:
    """Tell whether nobody is at work below `home`, and if so let nobody begin meanwhile."""
    if not home.exists():
        yield False
        return
    with (home / _LOCK).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _throw_away(home: Path, folders: Iterable[Path]) -> None:
    for folder in folders:
        folder.rename(home / f"{PRUNED}{folder.name}")  # gone at once, whatever happens next
    sweep(home)
