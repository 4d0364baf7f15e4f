"""Looks for new champions, off the path of the candles."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from threading import Lock

from models.aliases import Role
from models.model_set import ModelSet
from models.registry import Registry
from shared.domain.clock import Clock
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

Shown = frozenset[tuple[Symbol, str, str]]


class ModelWatch:
    """Follows the aliases; shows who has which role for which instrument, and logs what changed."""

    def __init__(
        self, registry: Registry, symbols: Sequence[Symbol], metrics: Metrics, clock: Clock
    ) -> None:
        self._registry, self._symbols, self._metrics = registry, symbols, metrics
        self._clock = clock
        self._lock = Lock()
        self._shown: Shown = frozenset()
        self._aged: AbstractSet[Symbol] = frozenset()
        self._refused: Mapping[str, str] = {}

    def look(self) -> None:
        """Follow the aliases once; whoever is asked after this answers by them."""
        with self._lock:
            now = self._clock.now()
            changed = self._registry.refresh(now)
            models = self._registry.current()
            for scope in changed:
                model = models.models.get(scope)
                log.info(
                    "models.changed", scope=scope, release_id=model.release_id if model else None
                )
            self._warn({**models.shadow_failures, **models.failures})
            self._show(roles_of(models, self._symbols))
            self._show_ages(models, now)

    def _warn(self, refused: Mapping[str, str]) -> None:
        for scope, reason in refused.items():
            if self._refused.get(scope) != reason:
                log.warning("models.refused", scope=scope, reason=reason)
        self._refused = refused

    def _show(self, roles: Shown) -> None:
        for one in self._shown - roles:
            self._metrics.model_info.remove(*one)
        for one in roles - self._shown:
            self._metrics.model_info.labels(*one).set(1)
        self._shown = roles

    def _show_ages(self, models: ModelSet, now: datetime) -> None:
        """Every replica knows the age of every model, whoever is asked about the next candle."""
        ages = {
            symbol: max((now - model.created_at).total_seconds(), 0.0)
            for symbol in self._symbols
            if (model := models.model_for(symbol)) is not None
        }
        for symbol, age in ages.items():
            self._metrics.model_age_seconds.labels(symbol).set(age)
        for symbol in self._aged - ages.keys():
            self._metrics.model_age_seconds.remove(symbol)
        self._aged = ages.keys()


def roles_of(models: ModelSet, symbols: Sequence[Symbol]) -> Shown:
    """Return (instrument, release id, role) of everybody who has to do with the instruments."""
    found: set[tuple[Symbol, str, str]] = set()
    for symbol in symbols:
        champion, shadow = models.model_for(symbol), models.shadow_for(symbol)
        for role, release_id in (
            (Role.CHAMPION, champion and champion.release_id),
            (Role.SHADOW, shadow and shadow.release_id),
            (Role.CHALLENGER, models.challenger_for(symbol)),
        ):
            if release_id:
                found.add((symbol, release_id, role.value))
    return frozenset(found)
