"""The releases that lie in a folder: listed, found, and thrown away when they are old."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.aliases import Role, check_id, read_aliases
from models.artifact import read_manifest
from models.disk import PRUNED, sweep, sync_folder
from models.manifest import RELEASE_ID, Manifest
from models.refusals import ArtifactRefused
from shared.domain.errors import BadInput, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A release as it stands in the folder, unproven."""

    manifest: Manifest
    path: Path
    roles: tuple[Role, ...] = ()

    @property
    def is_champion(self) -> bool:
        return Role.CHAMPION in self.roles


def scopes_in(root: Path) -> list[str]:
    """Return the names of the scopes' folders; none where there is no folder at all.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        return sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


def listings(root: Path) -> Iterator[Listing]:
    """Yield every readable release, by scope, newest first."""
    found: list[str] = []
    with suppress(OSError):
        found = scopes_in(root)
    for scope in found:
        with suppress(OSError):  # it went away while it was read
            yield from _of_scope(root, scope)


def find(root: Path, release_id: str) -> Listing:
    """Return one release, unproven.

    Raises:
        NotFound: there is none of this id.
        ArtifactRefused: its manifest cannot be read.
    """
    path = path_of(root, release_id)
    roles = _roles(root, path.parent.name)
    return Listing(manifest=read_manifest(path), path=path, roles=roles.get(release_id, ()))


def path_of(root: Path, release_id: str) -> Path:
    """Return the folder of a release: its id says where it lies.

    Raises:
        NotFound: there is none of this id.
    """
    named = RELEASE_ID.fullmatch(release_id)
    if named is None or not (root / named["scope"] / release_id).is_dir():
        raise NotFound(f"no release has the id {release_id}; see 'trading models list'")
    return root / named["scope"] / release_id


def prune(root: Path, scope: str, keep: int, in_use: Collection[str]) -> tuple[str, ...]:
    """Delete all but the newest `keep` releases, those with a role and those `in_use`.

    Only for the one writer; returns the ids of what was deleted.

    Raises:
        ArtifactRefused: it cannot be read which releases have a role.
        BadInput: `keep` is negative.
    """
    if keep < 0:
        raise BadInput("keep", f"{keep} is negative", "say how many releases to keep")
    home = root / scope
    aliases = read_aliases(root, scope) or {}
    spared = {*aliases.values(), *in_use}
    deleted: list[str] = []
    for name in _newest_first(home)[keep:]:
        if name not in spared:
            check_id(scope, name)
            (home / name).rename(home / f"{PRUNED}{name}")  # gone at once for every reader
            deleted.append(name)
    sync_folder(home)
    sweep(home)
    return tuple(deleted)


def _of_scope(root: Path, scope: str) -> Iterator[Listing]:
    roles = _roles(root, scope)
    for name in _newest_first(root / scope):
        path = root / scope / name
        with suppress(ArtifactRefused):
            yield Listing(manifest=read_manifest(path), path=path, roles=roles.get(name, ()))


def _roles(root: Path, scope: str) -> dict[str, tuple[Role, ...]]:
    by_id: dict[str, tuple[Role, ...]] = {}
    with suppress(ArtifactRefused, OSError):
        for role, release_id in (read_aliases(root, scope) or {}).items():
            by_id[release_id] = (*by_id.get(release_id, ()), role)
    return by_id


def _newest_first(home: Path) -> list[str]:
    """Return the ids of a scope by the instant in their names: it is there without being read."""
    names = [entry.name for entry in home.iterdir() if RELEASE_ID.fullmatch(entry.name)]
    return sorted(names, key=lambda name: (name[-15:], name), reverse=True)
