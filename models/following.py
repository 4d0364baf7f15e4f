"""One look at the aliases: which models are in service after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from models.aliases import ALIASES, Role, read_aliases
from models.forest import Forest
from models.manifest import RELEASE_ID, TradedMarket
from models.model_set import ModelSet
from models.refusals import ArtifactRefused, check_expiry, check_gate
from models.scorer import ServingModel, forests_of, load
from models.signing import Trust


@dataclass(slots=True, kw_only=True)
class Following:
    """Collects the next set scope by scope; `before` is the set in service until then."""

    root: Path
    market: TradedMarket | None
    trust: Trust
    now: datetime | None
    wants_gate: bool
    before: ModelSet
    models: dict[str, ServingModel] = field(default_factory=dict[str, ServingModel])
    shadows: dict[str, ServingModel] = field(default_factory=dict[str, ServingModel])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    shadow_failures: dict[str, str] = field(default_factory=dict[str, str])
    challengers: dict[str, str] = field(default_factory=dict[str, str])
    unserved: set[str] = field(default_factory=set[str])
    known: dict[str, Forest] = field(default_factory=dict[str, Forest])

    def __post_init__(self) -> None:
        for model in (*self.before.models.values(), *self.before.shadows.values()):
            self.known.update(forests_of(model))

    def follow(self, scope: str) -> None:
        try:
            aliases = read_aliases(self.root, scope)
        except (ArtifactRefused, OSError) as error:
            self._keep(scope, _said(error))
            return
        if aliases is None:
            if scope in self.before.models or scope in self.before.shadows:
                self._keep(scope, f"missing_file: {scope}/{ALIASES}")
        else:
            self._choose(scope, aliases)
            self._listen(scope, aliases)
            if Role.CHALLENGER in aliases:
                self.challengers[scope] = aliases[Role.CHALLENGER]

    def result(self) -> ModelSet:
        return ModelSet(
            models=self.models,
            shadows=self.shadows,
            failures=self.failures,
            shadow_failures=self.shadow_failures,
            challengers=self.challengers,
            unserved=frozenset(self.unserved),
        )

    def _keep(self, scope: str, problem: str) -> None:
        """Leave everything of a scope as it was, but for what has expired."""
        self.failures[scope] = problem
        if scope in self.before.challengers:
            self.challengers[scope] = self.before.challengers[scope]
        model, shadow = self.before.models.get(scope), self.before.shadows.get(scope)
        if model is not None and self._is_good(model):
            self.models[scope] = model
        else:
            self.unserved.add(scope)
        if shadow is not None and self._is_good(shadow):
            self.shadows[scope] = shadow

    def _choose(self, scope: str, aliases: Mapping[Role, str]) -> None:
        """Take the champion, else what spoke before, else the release before it, else nothing."""
        champion = aliases.get(Role.CHAMPION)
        if champion is None:
            if Role.RETIRED in aliases:
                self.unserved.add(scope)
            return
        try:
            self.models[scope] = self._speaking(scope, champion)
        except (ArtifactRefused, OSError) as error:
            self.failures[scope] = _said(error)
            stand_in = self._stand_in(scope, aliases)
            if stand_in is None:
                self.unserved.add(scope)
            else:
                self.models[scope] = stand_in

    def _stand_in(self, scope: str, aliases: Mapping[Role, str]) -> ServingModel | None:
        old = self.before.models.get(scope)
        if old is not None and old.release_id != aliases.get(Role.RETIRED) and self._is_good(old):
            return old
        previous = aliases.get(Role.PREVIOUS)
        if previous is None:
            return None
        try:
            return self._speaking(scope, previous)
        except (ArtifactRefused, OSError) as error:
            self.failures[scope] += f"; and {previous}: {_said(error)}"
            return None

    def _speaking(self, scope: str, release_id: str) -> ServingModel:
        """Return a release that may speak: in live mode, one that passed the gate."""
        model = self._obtained(scope, release_id)
        if self.wants_gate:
            check_gate(model.manifest)
        return model

    def _listen(self, scope: str, aliases: Mapping[Role, str]) -> None:
        shadow = aliases.get(Role.SHADOW)
        if shadow is None or shadow == aliases.get(Role.CHAMPION):
            return
        try:
            self.shadows[scope] = self._obtained(scope, shadow)
        except (ArtifactRefused, OSError) as error:
            self.shadow_failures[scope] = _said(error)

    def _obtained(self, scope: str, release_id: str) -> ServingModel:
        """Return a release from memory or from the folder; never one that has expired."""
        named = RELEASE_ID.fullmatch(release_id)
        if named is None or named["scope"] != scope:
            raise ArtifactRefused("unreadable_manifest", f"{ALIASES} names {release_id!r}")
        held = self.before.serving(release_id)
        if held is not None:
            check_expiry(held.manifest, self.now)
            return held
        path = self.root / scope / release_id
        return load(path, self.market, self.known, trust=self.trust, now=self.now)

    def _is_good(self, model: ServingModel) -> bool:
        try:
            check_expiry(model.manifest, self.now)
        except ArtifactRefused:
            return False
        return True


def _said(error: Exception) -> str:
    return error.detail if isinstance(error, ArtifactRefused) else f"unreadable_file: {error}"
