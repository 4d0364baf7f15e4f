#!/usr/bin/env python3
"""Says how big an image and each of its layers are: report.py ARCHIVE, as `docker save` writes."""

import gzip
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_MEBI = 1 << 20


def layers(archive: tarfile.TarFile) -> Iterator[tuple[int, int, str]]:
    """Yield the stored size, the unpacked size (both bytes) and the instruction of each layer."""
    index = _json(archive, "index.json")
    manifest = _json(archive, _blob(index["manifests"][0]["digest"]))
    config = _json(archive, _blob(manifest["config"]["digest"]))
    made_by = [
        step.get("created_by", "") for step in config["history"] if not step.get("empty_layer")
    ]
    for layer, instruction in zip(manifest["layers"], made_by, strict=True):
        unpacked = _unpacked(_member(archive, _blob(layer["digest"])))
        yield layer["size"], unpacked, " ".join(instruction.split())


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found is not None
    return found


def _json(archive: tarfile.TarFile, name: str) -> Any:
    return json.load(_member(archive, name))


def _unpacked(stored: IO[bytes]) -> int:
    packed = stored.read(2) == b"\x1f\x8b"
    stored.seek(0)
    if not packed:
        return stored.seek(0, 2)
    total = 0
    with gzip.open(stored) as content:
        while piece := content.read(_MEBI):
            total += len(piece)
    return total


def main() -> None:
    with tarfile.open(Path(sys.argv[1])) as archive:
        rows = list(layers(archive))
    for stored, unpacked, instruction in rows:
        sys.stdout.write(f"{stored / _MEBI:9.1f} {unpacked / _MEBI:9.1f}  {instruction[:100]}\n")
    stored = sum(row[0] for row in rows) / _MEBI
    unpacked = sum(row[1] for row in rows) / _MEBI
    sys.stdout.write(f"{stored:9.1f} {unpacked:9.1f}  MiB to pull, MiB on disk\n")


if __name__ == "__main__":
    main()
