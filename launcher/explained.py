"""What a model saw and what moved it, beside the signal it gave."""

from collections.abc import Sequence

from sqlalchemy import Connection

from models.refusals import ArtifactRefused
from models.registry import Registry
from models.scorer import ServingModel
from shared.domain.errors import NotFound
from shared.domain.signal import Signal
from signal_generator.repository.predictions import get_scored
from signal_generator.routes.desk import Contribution, explain


def what_moved(connection: Connection, registry: Registry, signal: Signal) -> list[str]:
    """Return the strongest features for and against; nothing where their model is gone."""
    scored = get_scored(connection, signal.signal_id)
    if scored is None or signal.edge is None:
        return []
    model = _release(registry, signal.edge.release_id)
    if model is None:
        return [f"features: the release {signal.edge.release_id} is no longer there to be asked"]
    found = explain(model, scored.vector)
    return [
        f"features for a win: {_shown(found.speaking_for)}",
        f"features against it: {_shown(found.speaking_against)}",
    ]


def _release(registry: Registry, release_id: str) -> ServingModel | None:
    try:
        return registry.load(release_id)
    except (ArtifactRefused, NotFound):
        return None


def _shown(moved: Sequence[Contribution]) -> str:
    if not moved:
        return "none"
    return ", ".join(f"{one.name} {_value(one.value)} ({one.contribution:+.3f})" for one in moved)


def _value(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
