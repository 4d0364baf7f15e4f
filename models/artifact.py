"""Releases on disk: an immutable directory, written at once, and proven before it is believed.

A release holds boosters as UBJSON, its sidecars as JSON, and pages for people. Nothing in it is
executable, and a directory that holds a pickle is refused whole.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from models.disk import (
    STAGING,
    one_writer,
    read_limited,
    sweep,
    sync_folder,
    write_durably,
)
from models.manifest import (
    BOOSTER_GLOBAL,
    FILES,
    MANIFEST,
    OPTIONAL_FILES,
    RELEASE_ID,
    SIGNATURE,
    FileEntry,
    Manifest,
    TradedMarket,
)
from models.refusals import (
    ArtifactRefused,
    check_expiry,
    check_format,
    check_market,
)
from models.signing import NotTrusted, Signer, Trust, check_signature
from shared.domain.errors import Conflict

MAX_BYTES = 20_000_000

_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"})
_NAMES = frozenset({*FILES, *OPTIONAL_FILES, MANIFEST, SIGNATURE})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A verified release in memory: what was hashed is what is read.

    `signed_by` is the id of the key, None where a missing signature is tolerated.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    signed_by: str | None = None

    def sheet(self, name: str, kind: type[T]) -> T:
        """Return one of the JSON files, checked field by field.

        Raises:
            ArtifactRefused: it does not fit.
        """
        try:
            return msgspec.json.decode(self.files[name], type=kind)
        except KeyError as error:
            raise ArtifactRefused("missing_file", name) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ArtifactRefused("unreadable_file", f"{name}: {error}") from error


def as_json(sheet: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(sheet), indent=1) + b"\n"


def write_release(
    root: Path, manifest: Manifest, files: Mapping[str, bytes], signer: Signer | None = None
) -> Path:
    """Write `root/<scope>/<release_id>` so that it exists whole or not at all; return its path.

    Without a signer it is refused wherever unsigned releases are not tolerated.

    Raises:
        Conflict: a release of this id exists: releases never change.
        OSError: the disk is full or away; nothing of the release is left.
    """
    home = root / manifest.scope
    final = home / manifest.release_id
    with one_writer(root):
        if final.exists():
            raise Conflict(f"release {manifest.release_id} exists already")
        home.mkdir(exist_ok=True)
        sweep(home)
        staging = home / f"{STAGING}{manifest.release_id}"
        try:
            _fill(staging, manifest, files, signer)
            staging.rename(final)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync_folder(home)
    return final


def _fill(
    staging: Path, manifest: Manifest, files: Mapping[str, bytes], signer: Signer | None
) -> None:
    staging.mkdir()
    entries = {
        name: FileEntry(sha256=sha256(content).hexdigest(), bytes=len(content))
        for name, content in sorted(files.items())
    }
    sheet = as_json(replace(manifest, files=entries))
    for name, content in files.items():
        write_durably(staging / name, content)
    write_durably(staging / MANIFEST, sheet)
    if signer is not None:
        write_durably(staging / SIGNATURE, signer.signature(sheet))
    sync_folder(staging)


def verify(
    path: Path,
    market: TradedMarket | None = None,
    *,
    trust: Trust,
    now: datetime | None = None,
) -> Contents:
    """Read a release and prove it, before anything in it is interpreted.

    The order matters: names and sizes, the signature over the manifest's bytes, the hash of every
    file, then whether this engine speaks the same schema and file format and, where one is asked
    for, of the same market, and last whether it has expired at `now` (without one nothing has).

    Raises:
        ArtifactRefused: with the first reason that was found.
    """
    names = _checked_names(path)
    sheet = _read(path / MANIFEST)
    try:
        signed_by = check_signature(
            sheet, _read(path / SIGNATURE) if SIGNATURE in names else None, trust
        )
    except NotTrusted as error:
        raise ArtifactRefused(error.reason, error.detail) from error
    manifest = _decoded(sheet)
    _check_identity(manifest, path.name)
    _check_listed(manifest, names)
    files = {name: _proven(path / name, entry) for name, entry in manifest.files.items()}
    check_format(manifest)
    if market is not None:
        check_market(manifest, market)
    check_expiry(manifest, now)
    return Contents(manifest=manifest, files=files, signed_by=signed_by)


def read_manifest(path: Path) -> Manifest:
    """Return what the release claims, unproven.

    Raises:
        ArtifactRefused: there is no manifest, or it does not fit its definition.
    """
    try:
        return _decoded(_read(path / MANIFEST))
    except OSError as error:
        raise ArtifactRefused("unreadable_manifest", str(error)) from error


def _decoded(sheet: bytes) -> Manifest:
    try:
        return msgspec.json.decode(sheet, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactRefused("unreadable_manifest", str(error)) from error


def _read(path: Path) -> bytes:
    try:
        content = read_limited(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise ArtifactRefused("missing_file", path.name) from error
    if len(content) > MAX_BYTES:
        raise ArtifactRefused("too_large", f"{path.name}, at most {MAX_BYTES} bytes")
    return content


def _checked_names(path: Path) -> frozenset[str]:
    if path.is_symlink():
        raise ArtifactRefused("symlink", path.name)
    if not path.is_dir():
        raise ArtifactRefused("missing_file", path.name)
    size, names = 0, set[str]()
    for entry in sorted(path.iterdir()):
        if entry.is_symlink():
            raise ArtifactRefused("symlink", entry.name)
        if _PICKLES.intersection(suffix.lower() for suffix in entry.suffixes):
            raise ArtifactRefused("pickle", f"{entry.name} could run code when loaded")
        if not entry.is_file() or entry.name not in _NAMES:
            raise ArtifactRefused("unexpected_file", entry.name)
        size += entry.stat().st_size
        names.add(entry.name)
    if size > MAX_BYTES:
        raise ArtifactRefused("too_large", f"{size} bytes, at most {MAX_BYTES}")
    return frozenset(names)


def _check_identity(manifest: Manifest, name: str) -> None:
    found = RELEASE_ID.fullmatch(name)
    if found is None or manifest.release_id != name or manifest.scope != found["scope"]:
        claimed = f"{manifest.release_id} of {manifest.scope}"
        raise ArtifactRefused("unreadable_manifest", f"{name} holds {claimed}")


def _check_listed(manifest: Manifest, names: frozenset[str]) -> None:
    """Refuse what is announced and not there, what is there unannounced, and what must be."""
    required = {*FILES, BOOSTER_GLOBAL} if manifest.kind == "blend" else {*FILES}
    present = names - {MANIFEST, SIGNATURE}
    missing = sorted((required | set(manifest.files)) - present)
    if missing:
        raise ArtifactRefused("missing_file", missing[0])
    unannounced = sorted(present - set(manifest.files))
    if unannounced:
        raise ArtifactRefused("unexpected_file", unannounced[0])


def _proven(path: Path, entry: FileEntry) -> bytes:
    content = _read(path)
    if len(content) != entry.bytes or sha256(content).hexdigest() != entry.sha256:
        raise ArtifactRefused("hash_mismatch", path.name)
    return content
