"""Results of finished work on disk, so that a training that was killed goes on where it was."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.disk import write_whole

Arrays: TypeAlias = dict[str, NDArray[Any]]


class Workbench:
    """Arrays by name in one folder; what cannot be read counts as not done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the arrays so that they are there whole or not at all."""
        content = BytesIO()
        np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(name), content.getvalue())

    def kept(self, name: str) -> Arrays | None:
        try:
            with self._path(name).open("rb") as file, np.load(file, allow_pickle=False) as found:
                return {key: found[key] for key in found.files}
        except (FileNotFoundError, BadZipFile, ValueError, EOFError, KeyError):
            return None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


def digest_of(*parts: Any) -> str:
    """Return a name for a piece of work made of everything that went into it."""
    return sha256(msgspec.json.encode(parts)).hexdigest()[:24]
