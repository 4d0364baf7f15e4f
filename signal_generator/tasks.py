"""Looks for new champions, off the path of the candles."""

from collections.abc import Sequence
from datetime import datetime

from models.registry import Registry
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()


def refresh(registry: Registry, symbols: Sequence[Symbol], metrics: Metrics, now: datetime) -> None:
    """Follow the aliases once and show which model speaks for which instrument."""
    for scope in registry.refresh(now):
        model = registry.champions().get(scope)
        log.info("models.changed", scope=scope, release_id=model.release_id if model else None)
    for scope, reason in registry.failures().items():
        log.warning("models.refused", scope=scope, reason=reason)
    metrics.model_info.clear()
    for symbol in symbols:
        model = registry.model_for(symbol)
        if model is not None:
            metrics.model_info.labels(
                symbol=symbol, release_id=model.release_id, role="champion"
            ).set(1)
