"""Which release speaks for an instrument: folders of releases, and one small file that points."""

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path

from models import shelf
from models.aliases import Role, check_id, read_aliases, write_aliases
from models.artifact import Contents, verify
from models.disk import one_writer
from models.following import Following
from models.manifest import TradedMarket
from models.model_set import ModelSet
from models.refusals import check_expiry
from models.scorer import ServingModel, load
from models.shelf import Listing
from models.signing import NOBODY, Trust
from shared.domain.errors import Conflict, TradingError
from shared.domain.ids import Symbol

RELEASES_KEPT = 5


class Registry:
    """The models of every scope under `root`, in memory; only those of `market`, if given.

    `refresh` runs off the hot path; who scores a candle takes `current` once and keeps it for the
    whole candle. `trust` may be a function, for keys that appear while the process runs. Where
    `wants_gate`, only a release whose signed manifest says that it passed the gate speaks.
    """

    def __init__(
        self,
        root: Path,
        market: TradedMarket | None = None,
        *,
        trust: Trust | Callable[[], Trust],
        wants_gate: bool = False,
    ) -> None:
        self._root = root
        self._market = market
        self._trust = trust
        self._wants_gate = wants_gate
        self._lock = threading.Lock()
        self._current = ModelSet()

    @property
    def trust(self) -> Trust:
        """Return whose releases are believed at this moment."""
        return self._trust if isinstance(self._trust, Trust) else self._trust()

    def current(self) -> ModelSet:
        """Return the models of now; the set never changes, it is replaced."""
        return self._current

    def model_for(self, symbol: Symbol) -> ServingModel | None:
        return self._current.model_for(symbol)

    def is_fallback(self, symbol: Symbol, model: ServingModel) -> bool:
        return self._current.is_fallback(symbol, model)

    def champions(self) -> Mapping[str, ServingModel]:
        """Return the models in service by scope."""
        return self._current.models

    def failures(self) -> Mapping[str, str]:
        """Return by scope why its champion could not be followed; an older one may be serving."""
        return self._current.failures

    def refresh(self, now: datetime | None = None) -> tuple[str, ...]:
        """Look at the aliases again and load what changed; return the scopes that changed.

        The champion of a scope speaks. Where it cannot be loaded, what spoke before goes on
        speaking, or else the release before it. What has expired at `now` never speaks; without
        an instant nothing expires.
        """
        with self._lock:
            before = self._current
            failures, trust, scopes = dict[str, str](), NOBODY, list[str]()
            try:
                trust, scopes = self.trust, shelf.scopes_in(self._root)
            except (OSError, TradingError) as error:
                failures[self._root.name] = f"unreadable_file: {error}"
            following = Following(
                root=self._root,
                market=self._market,
                trust=trust,
                now=now,
                wants_gate=self._wants_gate,
                before=before,
                failures=failures,
            )
            for scope in sorted({*scopes, *before.models, *before.shadows}):
                following.follow(scope)
            self._current = after = following.result()
            return tuple(
                scope
                for scope in sorted({*before.models, *after.models})
                if before.models.get(scope) is not after.models.get(scope)
            )

    def aliases(self, scope: str) -> Mapping[Role, str]:
        """Return the release ids of a scope by role, as they stand in its file.

        Raises:
            ArtifactRefused: the file makes no sense.
            OSError: it cannot be read.
        """
        return read_aliases(self._root, scope) or {}

    def point(self, scope: str, changes: Mapping[Role, str | None]) -> None:
        """Give roles to releases of a scope, or take them away (None), all at once.

        Nothing is verified here: a reader believes no release that it has not proven itself.

        Raises:
            BadInput: an id is not of the scope.
            NotFound: there is no such release.
            ArtifactRefused: the file of the aliases makes no sense; delete it.
        """
        with one_writer(self._root):
            write_aliases(self._root, scope, changes)

    def promote(self, scope: str, release_id: str, now: datetime | None = None) -> None:
        """Make a verified release the champion of its scope, at once for every reader.

        The champion before becomes `previous`. Whether the release deserves it is for the gate to
        say, not for this method.

        Raises:
            ArtifactRefused: the release cannot be proven, or has expired at `now`.
            BadInput: it belongs to another scope.
        """
        check_id(scope, release_id)
        verify(self._root / scope / release_id, self._market, trust=self.trust, now=now)
        with one_writer(self._root):
            aliases = self.aliases(scope)
            champion = aliases.get(Role.CHAMPION)
            changes: dict[Role, str | None] = {Role.CHAMPION: release_id}
            if champion not in {None, release_id}:
                changes[Role.PREVIOUS] = champion
            for role in (Role.CHALLENGER, Role.SHADOW, Role.RETIRED):
                if aliases.get(role) == release_id:
                    changes[role] = None
            if any(aliases.get(role) != value for role, value in changes.items()):
                write_aliases(self._root, scope, changes)

    def rollback(
        self, scope: str, now: datetime | None = None, *, champion: str | None = None
    ) -> str:
        """Make the release before the champion of a scope again, and return its id.

        What was champion becomes `retired` and nothing is `previous` any more: a second rollback
        finds nothing to go back to instead of bringing back what was taken away. `champion`: who is
        to be taken back, if it matters.

        Raises:
            Conflict: there is no release to go back to, or another one is champion by now.
            ArtifactRefused: it cannot be proven, or has expired at `now`; nothing has changed.
        """
        with one_writer(self._root):
            aliases = self.aliases(scope)
            _check_champion(scope, aliases, champion)
            previous = aliases.get(Role.PREVIOUS)
            if previous is None:
                taken = aliases.get(Role.RETIRED)
                why = f"; {taken} was taken back before" if taken else ""
                raise Conflict(f"{scope} has no release to go back to{why}")
            check_id(scope, previous)
            verify(self._root / scope / previous, self._market, trust=self.trust, now=now)
            changes: dict[Role, str | None] = {Role.CHAMPION: previous, Role.PREVIOUS: None}
            if Role.CHAMPION in aliases:
                changes[Role.RETIRED] = aliases[Role.CHAMPION]
            write_aliases(self._root, scope, changes)
            return previous

    def retire(self, scope: str, *, champion: str | None = None) -> str:
        """Take the champion of a scope out of service with nothing in its place; return its id.

        The GLOBAL model then speaks for the instrument as a fallback. `champion`: who is to be
        taken back, if it matters.

        Raises:
            Conflict: there is no champion, or another one by now.
        """
        with one_writer(self._root):
            aliases = self.aliases(scope)
            _check_champion(scope, aliases, champion)
            taken = aliases.get(Role.CHAMPION)
            if taken is None:
                raise Conflict(f"{scope} has no champion")
            write_aliases(self._root, scope, {Role.CHAMPION: None, Role.RETIRED: taken})
            return taken

    def prune(
        self, scope: str, keep: int = RELEASES_KEPT, in_use: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Delete the old releases of a scope and return their ids.

        Spared are the newest `keep`, those with a role, and those `in_use` (by stored signals).
        """
        with one_writer(self._root):
            return shelf.prune(self._root, scope, keep, in_use)

    def releases(self) -> tuple[Listing, ...]:
        """Return every readable release, by scope, newest first."""
        return tuple(shelf.listings(self._root))

    def verify(self, release_id: str, now: datetime | None = None) -> Contents:
        """Return a proven release, whatever its role.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: it cannot be proven, or has expired at `now`.
        """
        path = shelf.path_of(self._root, release_id)
        return verify(path, self._market, trust=self.trust, now=now)

    def load(self, release_id: str, now: datetime | None = None) -> ServingModel:
        """Return a proven release that can be asked, whatever its role: from memory if it is there.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: it cannot be proven, or has expired at `now`.
        """
        held = self._current.serving(release_id)
        if held is not None:
            check_expiry(held.manifest, now)
            return held
        path = shelf.path_of(self._root, release_id)
        return load(path, self._market, trust=self.trust, now=now)

    def find(self, release_id: str) -> Listing:
        """Return one release, unproven.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: its manifest cannot be read.
        """
        return shelf.find(self._root, release_id)


def _check_champion(scope: str, aliases: Mapping[Role, str], wanted: str | None) -> None:
    found = aliases.get(Role.CHAMPION)
    if wanted is not None and found != wanted:
        raise Conflict(f"{found or 'nobody'} is champion of {scope} by now, not {wanted}")
