"""Which release speaks for an instrument: folders of releases, and one small file that points."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from models.artifact import (
    ArtifactRefused,
    as_json,
    read_manifest,
    sync_folder,
    verify,
    write_durably,
)
from models.forest import Forest
from models.manifest import BOOSTER, GLOBAL, RELEASE_ID, Manifest, TradedMarket, scope_of
from models.scorer import ServingModel, load
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

_ALIASES = "aliases.json"
_CHAMPION, _PREVIOUS = "champion", "previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A release as it stands in the folder, unproven."""

    manifest: Manifest
    path: Path
    is_champion: bool


class Registry:
    """The champions of every scope under `root`, in memory; only those of `market`, if given.

    `refresh` runs off the hot path; a reader keeps what `champions` gave it for a whole candle.
    """

    def __init__(self, root: Path, market: TradedMarket | None = None) -> None:
        self._root = root
        self._market = market
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}
        self._champions: Mapping[str, ServingModel] = {}
        self._failures: Mapping[str, str] = {}

    def model_for(self, symbol: Symbol) -> ServingModel | None:
        """Return the instrument's own champion, else the GLOBAL one, else None."""
        champions = self._champions
        return champions.get(scope_of(symbol)) or champions.get(GLOBAL)

    def is_fallback(self, symbol: Symbol, model: ServingModel) -> bool:
        """Tell whether the pooled model stands in for an own one that cannot be used."""
        return model.is_global and scope_of(symbol) in self._failures

    def champions(self) -> Mapping[str, ServingModel]:
        """Return the models in service by scope; the mapping never changes, it is replaced."""
        return self._champions

    def failures(self) -> Mapping[str, str]:
        """Return by scope why its alias could not be followed; the old model goes on serving."""
        return self._failures

    def refresh(self) -> tuple[str, ...]:
        """Look at the aliases again and load what changed; return the scopes that changed."""
        with self._lock:
            champions, failures = dict(self._champions), dict[str, str]()
            known = {m.manifest.files[BOOSTER].sha256: m.forest for m in champions.values()}
            changed: list[str] = []
            for scope in sorted({*self._scopes(failures), *champions}):
                try:
                    model = self._follow(scope, champions.get(scope), known)
                except ArtifactRefused as refusal:
                    failures[scope] = refusal.detail
                    continue
                except OSError as error:  # a release is being replaced, or its disk is away
                    failures[scope] = f"unreadable_file: {error}"
                    continue
                if model is not None and model is not champions.get(scope):
                    champions[scope] = model
                    changed.append(scope)
            self._champions, self._failures = champions, failures
            return tuple(changed)

    def publish(self, scope: str, release_id: str) -> None:
        """Make a verified release the champion of its scope, at once for every reader.

        Raises:
            ArtifactRefused: the release cannot be proven.
            BadInput: it belongs to another scope.
        """
        if verify(self._root / scope / release_id).manifest.scope != scope:
            raise BadInput("release_id", f"is not of {scope}", "publish it in its own scope")
        with self._lock:
            aliases = self._aliases_or_none(scope) or {}
            if aliases.get(_CHAMPION) == release_id:
                return
            if _CHAMPION in aliases:
                aliases[_PREVIOUS] = aliases[_CHAMPION]
            aliases[_CHAMPION] = release_id
            home = self._root / scope
            draft = home / f".{_ALIASES}.tmp"
            write_durably(draft, as_json(aliases))
            draft.replace(home / _ALIASES)
            sync_folder(home)

    def releases(self) -> tuple[Listing, ...]:
        """Return every readable release, by scope, newest first."""
        found: list[Listing] = []
        for scope in self._scopes({}):
            with suppress(OSError):  # it went away while it was read
                found.extend(self._listings(scope))
        return tuple(found)

    def _listings(self, scope: str) -> Iterator[Listing]:
        champion = None
        with suppress(ArtifactRefused):
            champion = (self._aliases_or_none(scope) or {}).get(_CHAMPION)
        for path in sorted((self._root / scope).iterdir(), reverse=True):
            if not RELEASE_ID.fullmatch(path.name):
                continue
            with suppress(ArtifactRefused):
                manifest = read_manifest(path)
                yield Listing(manifest=manifest, path=path, is_champion=path.name == champion)

    def _scopes(self, failures: dict[str, str]) -> list[str]:
        """Return the folders of the scopes; that they cannot be read is told to `failures`."""
        try:
            return sorted(entry.name for entry in self._root.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            failures[self._root.name] = f"unreadable_file: {error}"
            return []

    def _follow(
        self, scope: str, current: ServingModel | None, known: dict[str, Forest]
    ) -> ServingModel | None:
        raw = self._raw_aliases(scope)
        if raw is None:
            if current is None:
                return None
            raise ArtifactRefused("missing_file", f"{scope}/{_ALIASES}")
        digest = sha256(raw).hexdigest()
        if current is not None and self._seen.get(scope) == digest:
            return current
        champion = _decoded(raw).get(_CHAMPION)
        if champion is None:
            return current
        if not RELEASE_ID.fullmatch(champion):
            raise ArtifactRefused("unreadable_manifest", f"{_ALIASES} names {champion!r}")
        model = current
        if current is None or current.release_id != champion:
            model = load(self._root / scope / champion, self._market, known)
        self._seen[scope] = digest
        return model

    def _raw_aliases(self, scope: str) -> bytes | None:
        try:
            return (self._root / scope / _ALIASES).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _aliases_or_none(self, scope: str) -> dict[str, str] | None:
        raw = self._raw_aliases(scope)
        return None if raw is None else _decoded(raw)


def _decoded(raw: bytes) -> dict[str, str]:
    try:
        aliases: Any = json.loads(raw)
    except ValueError as error:
        raise ArtifactRefused("unreadable_manifest", f"{_ALIASES} is not JSON") from error
    if not isinstance(aliases, dict):
        raise ArtifactRefused("unreadable_manifest", f"{_ALIASES} is not an object")
    return {str(name): str(value) for name, value in aliases.items()}
