"""Releases on disk: an immutable directory, written at once, and proven before it is believed.

A release holds a booster as UBJSON and its sidecars as JSON. Nothing in it is executable, and a
directory that holds a pickle is refused whole.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from models.features import schema_hash
from models.manifest import (
    FILES,
    FORMAT_VERSION,
    MANIFEST,
    RELEASE_ID,
    SIGNATURE,
    FileEntry,
    Manifest,
    TradedMarket,
)
from shared.domain.errors import Conflict, Refused

MAX_BYTES = 20_000_000
NEWEST_XGBOOST = (3, 2)
"""The newest writer whose files the reader is proven against (tests compare with the library)."""

_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"})

Reason: TypeAlias = Literal[
    "missing_file",
    "unexpected_file",
    "hash_mismatch",
    "schema_mismatch",
    "venue_mismatch",
    "interval_mismatch",
    "reference_mismatch",
    "format_mismatch",
    "symlink",
    "too_large",
    "unreadable_manifest",
    "unreadable_file",
    "newer_xgboost",
    "self_test",
    "pickle",
]
T = TypeVar("T")


class ArtifactRefused(Refused):
    """A release that must not be served; `reason` is one of `Reason`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A verified release in memory: what was hashed is what is read."""

    manifest: Manifest
    files: Mapping[str, bytes]

    def sheet(self, name: str, kind: type[T]) -> T:
        """Return one of the JSON files, checked field by field.

        Raises:
            ArtifactRefused: it does not fit.
        """
        try:
            return msgspec.json.decode(self.files[name], type=kind)
        except msgspec.MsgspecError as error:
            raise ArtifactRefused("unreadable_file", f"{name}: {error}") from error


def as_json(sheet: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(sheet), indent=1) + b"\n"


def write_release(root: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
    """Write `root/<scope>/<release_id>` so that it exists whole or not at all; return its path.

    Raises:
        Conflict: a release of this id exists: releases never change.
    """
    home = root / manifest.scope
    final = home / manifest.release_id
    if final.exists():
        raise Conflict(f"release {manifest.release_id} exists already")
    staging = home / f".staging-{manifest.release_id}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    entries = {
        name: FileEntry(sha256=sha256(content).hexdigest(), bytes=len(content))
        for name, content in sorted(files.items())
    }
    for name, content in files.items():
        write_durably(staging / name, content)
    write_durably(staging / MANIFEST, as_json(replace(manifest, files=entries)))
    sync_folder(staging)
    staging.rename(final)
    sync_folder(home)
    return final


def write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(path: Path, market: TradedMarket | None = None) -> Contents:
    """Read a release and prove it, before anything in it is interpreted.

    The order matters: names and sizes, the manifest, the hash of every file, then whether this
    engine speaks the same schema and file format, and, where one is asked for, of the same market.

    Raises:
        ArtifactRefused: with the first reason that was found.
    """
    _check_names(path)
    manifest = read_manifest(path)
    if manifest.release_id != path.name or not RELEASE_ID.fullmatch(path.name):
        raise ArtifactRefused("unreadable_manifest", f"{path.name} holds {manifest.release_id}")
    files = {name: _proven(path / name, manifest) for name in FILES}
    _check_format(manifest)
    if market is not None:
        _check_market(manifest, market)
    return Contents(manifest=manifest, files=files)


def read_manifest(path: Path) -> Manifest:
    """Return what the release claims, unproven.

    Raises:
        ArtifactRefused: there is no manifest, or it does not fit its definition.
    """
    try:
        return msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ArtifactRefused("missing_file", MANIFEST) from error
    except (msgspec.MsgspecError, OSError) as error:
        raise ArtifactRefused("unreadable_manifest", str(error)) from error


def _check_names(path: Path) -> None:
    if path.is_symlink():
        raise ArtifactRefused("symlink", path.name)
    if not path.is_dir():
        raise ArtifactRefused("missing_file", path.name)
    size = 0
    for entry in sorted(path.iterdir()):
        if entry.is_symlink():
            raise ArtifactRefused("symlink", entry.name)
        if _PICKLES.intersection(suffix.lower() for suffix in entry.suffixes):
            raise ArtifactRefused("pickle", f"{entry.name} could run code when loaded")
        if not entry.is_file() or entry.name not in (*FILES, MANIFEST, SIGNATURE):
            raise ArtifactRefused("unexpected_file", entry.name)
        size += entry.stat().st_size
    if size > MAX_BYTES:
        raise ArtifactRefused("too_large", f"{size} bytes, at most {MAX_BYTES}")


def _proven(path: Path, manifest: Manifest) -> bytes:
    entry = manifest.files.get(path.name)
    if entry is None or not path.exists():
        raise ArtifactRefused("missing_file", path.name)
    content = path.read_bytes()
    if len(content) != entry.bytes or sha256(content).hexdigest() != entry.sha256:
        raise ArtifactRefused("hash_mismatch", path.name)
    return content


def _check_format(manifest: Manifest) -> None:
    if manifest.format_version != FORMAT_VERSION:
        raise ArtifactRefused("format_mismatch", f"format {manifest.format_version}")
    if manifest.schema_hash != schema_hash(manifest.interval_seconds):
        raise ArtifactRefused("schema_mismatch", "trained on other features; train again")
    version = manifest.versions.get("xgboost", "")
    if not _is_readable(version):
        raise ArtifactRefused("newer_xgboost", f"written by xgboost {version or 'unknown'}")


def _check_market(manifest: Manifest, market: TradedMarket) -> None:
    """Refuse a model that would be asked about candles unlike those it was made of."""
    if manifest.venue != market.venue:
        raise ArtifactRefused(
            "venue_mismatch",
            f"trained on candles of '{manifest.venue}', those of '{market.venue}' are served",
        )
    if manifest.interval_seconds != market.interval.seconds:
        raise ArtifactRefused(
            "interval_mismatch",
            f"trained on {manifest.interval_seconds} s candles, "
            f"{market.interval.seconds} s are served",
        )
    for symbol, reference in manifest.references.items():
        served = market.references.get(symbol, reference)
        if served != reference:
            raise ArtifactRefused(
                "reference_mismatch",
                f"{symbol} was measured against {reference}, {served} is served beside it",
            )


def _is_readable(version: str) -> bool:
    parts = version.split(".")[:2]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return False
    return tuple(int(part) for part in parts) <= NEWEST_XGBOOST
