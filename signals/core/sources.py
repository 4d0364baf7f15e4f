"""Who is asked for an opinion, and how much it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from signals.core.combine import Mixture


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`updated_at` is None while the settings' own value stands."""

    name: str
    weight: float
    enabled: bool = True
    updated_at: datetime | None = None


def in_force(initial: Mapping[str, float], stored: Mapping[str, Source]) -> tuple[Source, ...]:
    """Return every source by name; what an operator set replaces what the settings said."""
    known = {name: Source(name=name, weight=weight) for name, weight in initial.items()}
    return tuple(source for _, source in sorted({**known, **stored}.items()))


def mix(sources: tuple[Source, ...], threshold: float) -> Mixture:
    weights = {source.name: source.weight for source in sources if source.enabled}
    return Mixture(weights=weights, threshold=threshold)
