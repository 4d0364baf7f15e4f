"""What a panic asked for and what it was answered, on disk before the next step is taken."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, TextIO, TypeVar

from shared.domain.clock import SystemClock
from venues.errors import VenueError
from venues.port import VenueName

T = TypeVar("T")
Fields = Mapping[str, Any]
Described = Callable[[T], Fields]

_CLOCK = SystemClock()


class Journal:
    """One JSON line for each intent and each answer; any number of threads write.

    A journal that cannot be kept stops nothing: its lines go to standard error instead.
    """

    def __init__(self, folder: Path, name: str = "panic") -> None:
        self._turn = Lock()
        self._file: TextIO | None = None
        self.path = folder / f"{name}-{_CLOCK.now():%Y%m%dT%H%M%S.%fZ}.jsonl"
        self.problem = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(
                os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
            )
            _sync_folder(folder)
        except OSError as error:
            self._fail(error)

    def asking(
        self,
        venue: VenueName,
        action: str,
        about: Fields,
        ask: Callable[[], T],
        described: Described[T],
    ) -> T:
        """Return what `ask` returns; the intent is on disk before it, the answer after it.

        Raises:
            VenueError: as `ask`.
        """
        head = {"venue": venue, "action": action, **about}
        self.write({**head, "phase": "asking"})
        try:
            answer = ask()
        except VenueError as error:
            problem = {"reason": error.reason, "problem": error.detail, "code": error.code}
            self.write({**head, "phase": "failed", **problem})
            raise
        self.write({**head, "phase": "answered", **described(answer)})
        return answer

    def write(self, fields: Fields) -> None:
        line = json.dumps({"at": _CLOCK.now().isoformat(), **fields}, default=str) + "\n"
        with self._turn:
            if self._file is not None:
                try:
                    self._file.write(line)
                    self._file.flush()
                    os.fsync(self._file.fileno())
                except OSError as error:
                    self._fail(error)
                else:
                    return
            sys.stderr.write(line)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _fail(self, error: OSError) -> None:
        self._file = None
        self.problem = f"{self.path} cannot be written ({error.strerror or error})"


def _sync_folder(folder: Path) -> None:
    """Make sure that the name of the file is on disk too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
