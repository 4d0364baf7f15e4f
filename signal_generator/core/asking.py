"""Who is asked about which vector: one set of models for a candle, each model once."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.core.belief import Belief, Floats, believe
from signal_generator.core.explanation import Explained

_INSTANTS_KEPT = 4


class Release(Explained, Protocol):
    """A release that can be asked and can say why; `models.scorer.ServingModel` is one."""


class Models(Protocol):
    """The releases in service at one moment: it never changes, a newer one takes its place."""

    def model_for(self, symbol: Symbol) -> Release | None:
        """Return who speaks for an instrument."""
        ...

    def is_fallback(self, symbol: Symbol, model: Any) -> bool:
        """Tell whether it stands in for an own model that cannot be used."""
        ...

    def shadow_for(self, symbol: Symbol) -> Release | None:
        """Return who is listened to beside it, without being believed."""
        ...


class Instant(NamedTuple):
    """A moment at which candles close, all shards together."""

    venue: str
    interval: Interval
    closed_at: datetime


class ModelSets:
    """Which models answer at an instant: those in service when its first shard was heard.

    A reload between two shards, or between two tries of one, changes nothing.
    """

    def __init__(self, current: Callable[[], Models]) -> None:
        self._current = current
        self._taken: OrderedDict[Instant, Models] = OrderedDict()

    def at(self, instant: Instant) -> Models:
        if instant not in self._taken:
            self._taken[instant] = self._current()
            while len(self._taken) > _INSTANTS_KEPT:
                self._taken.popitem(last=False)
        return self._taken[instant]


class _Question(NamedTuple):
    symbol: Symbol
    model: Release
    is_fallback: bool = False


def ask(models: Models, vectors: Mapping[Symbol, Floats]) -> dict[Symbol, Belief]:
    """Return what the champions believe about the instruments that one speaks for."""
    spoken_for = ((symbol, models.model_for(symbol)) for symbol in vectors)
    return _answers(
        (
            _Question(symbol, model, models.is_fallback(symbol, model))
            for symbol, model in spoken_for
            if model is not None
        ),
        vectors,
    )


def ask_shadows(models: Models, vectors: Mapping[Symbol, Floats]) -> dict[Symbol, Belief]:
    """Return what the shadows believe about the same vectors."""
    spoken_for = ((symbol, models.shadow_for(symbol)) for symbol in vectors)
    return _answers(
        (_Question(symbol, model) for symbol, model in spoken_for if model is not None), vectors
    )


def _answers(
    questions: Iterable[_Question], vectors: Mapping[Symbol, Floats]
) -> dict[Symbol, Belief]:
    """Ask every model once, about all instruments that it speaks for."""
    groups: defaultdict[tuple[str, bool], list[_Question]] = defaultdict(list)
    for question in questions:
        groups[question.model.release_id, question.is_fallback].append(question)
    beliefs: dict[Symbol, Belief] = {}
    for group in groups.values():
        _, model, is_fallback = group[0]
        rows = np.stack([vectors[question.symbol] for question in group])
        answers = believe(model, rows, is_fallback=is_fallback)
        beliefs.update(zip((question.symbol for question in group), answers, strict=True))
    return beliefs
