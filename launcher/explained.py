"""What a model saw and what moved it, beside the signal it gave."""

from collections.abc import Sequence

from sqlalchemy import Connection

from models.registry import Registry
from shared.domain.signal import Signal
from signal_generator.core.explanation import NOTE, Explanation, Share, explain
from signal_generator.repository.predictions import Scored, get_scored
from signal_generator.repository.releases import Releases


def what_moved(connection: Connection, registry: Registry, signal: Signal) -> list[str]:
    """Return the strongest features for and against, and what the groups of features did.

    Nothing where no model spoke; where one did that is gone, that it is.
    """
    scored = get_scored(connection, signal.signal_id)
    if scored is None or signal.edge is None:
        return []
    found = scored.explanation or _explained(registry, scored, signal.edge.release_id)
    if found is None:
        return [f"features: the release {signal.edge.release_id} is no longer there to be asked"]
    groups = sorted(found.groups.items(), key=lambda one: -abs(one[1]))
    return [
        f"features for a win: {_shown(found.speaking_for)}",
        f"features against it: {_shown(found.speaking_against)}",
        "groups of features: " + ", ".join(f"{name} {points:+.3f}" for name, points in groups),
        NOTE,
    ]


def _explained(registry: Registry, scored: Scored, release_id: str) -> Explanation | None:
    model = Releases(registry).find(release_id)
    return None if model is None else explain(model, scored.vector)


def _shown(moved: Sequence[Share]) -> str:
    return ", ".join(_share(one) for one in moved) or "none"


def _share(one: Share) -> str:
    value = "undefined" if one.value is None else f"{one.value:.4g}"
    place = "" if one.percentile is None else f", higher than {one.percentile:.0f} % in training"
    return f"{one.name} {value} ({one.points:+.3f}{place})"
