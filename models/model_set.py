"""The models of one instant: a candle is scored by one set, whatever is published meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.manifest import GLOBAL, scope_of
from models.scorer import ServingModel
from shared.domain.ids import Symbol


def _no_models() -> Mapping[str, ServingModel]:
    return {}


def _no_text() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelSet:
    """By scope: who speaks, who is listened to in the shadow, and what could not be followed.

    `failures` says why a champion is not the one in service; an older one may stand in for it.
    `challengers`: release ids by scope, unproven: nobody asks them.
    `unserved`: scopes that had a champion of their own and now have none that can be used.
    """

    models: Mapping[str, ServingModel] = field(default_factory=_no_models)
    shadows: Mapping[str, ServingModel] = field(default_factory=_no_models)
    failures: Mapping[str, str] = field(default_factory=_no_text)
    shadow_failures: Mapping[str, str] = field(default_factory=_no_text)
    challengers: Mapping[str, str] = field(default_factory=_no_text)
    unserved: frozenset[str] = frozenset()

    def model_for(self, symbol: Symbol) -> ServingModel | None:
        """Return the instrument's own model, else the GLOBAL one, else None."""
        return self.models.get(scope_of(symbol)) or self.models.get(GLOBAL)

    def is_fallback(self, symbol: Symbol, model: ServingModel) -> bool:
        """Tell whether the pooled model stands in: for an own one, or about whom it never met."""
        if not model.is_global:
            return False
        return scope_of(symbol) in self.unserved or symbol not in model.manifest.symbols

    def shadow_for(self, symbol: Symbol) -> ServingModel | None:
        """Return who is asked about the instrument besides the model in service, unheard.

        The shadow of GLOBAL is asked where GLOBAL speaks, or where nobody does.
        """
        own = self.shadows.get(scope_of(symbol))
        if own is not None:
            return own
        return self.shadows.get(GLOBAL) if self._is_pooled(symbol) else None

    def challenger_for(self, symbol: Symbol) -> str | None:
        """Return the id of who waits to speak for the instrument; GLOBAL's where GLOBAL speaks."""
        own = self.challengers.get(scope_of(symbol))
        return own or (self.challengers.get(GLOBAL) if self._is_pooled(symbol) else None)

    def _is_pooled(self, symbol: Symbol) -> bool:
        model = self.model_for(symbol)
        return model is None or model.is_global

    def serving(self, release_id: str) -> ServingModel | None:
        """Return a release that is in memory, in service or in the shadow."""
        held = (*self.models.values(), *self.shadows.values())
        return next((model for model in held if model.release_id == release_id), None)
