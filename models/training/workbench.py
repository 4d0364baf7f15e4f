"""Results of finished work on disk, so that a training that was killed goes on where it was."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.disk import write_whole

_DIGEST_BYTES = 32

Arrays: TypeAlias = dict[str, NDArray[Any]]


class Workbench:
    """Arrays by name in one folder; what is not as it was written counts as not done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the arrays so that they are there whole or not at all."""
        packed = BytesIO()
        np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType]
        content = packed.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(name), sha256(content).digest() + content)

    def kept(self, name: str) -> Arrays | None:
        try:
            raw = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        digest, content = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if sha256(content).digest() != digest:
            return None
        with np.load(BytesIO(content), allow_pickle=False) as found:
            return {key: found[key] for key in found.files}

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.piece"


def digest_of(*parts: Any) -> str:
    """Return a name for a piece of work made of everything that went into it."""
    return sha256(msgspec.json.encode(parts)).hexdigest()[:24]
