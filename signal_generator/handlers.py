"""Candles in, signals out: one question per model and one insert per batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.candle import Candle
from shared.domain.events import CandlesClosed, SignalsGenerated
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics
from signal_generator.core.asking import Instant, Models, ModelSets, ask, ask_shadows
from signal_generator.core.belief import Belief
from signal_generator.core.explanation import Explanation, explain, worth_explaining
from signal_generator.core.health import Healths, with_health
from signal_generator.core.scoring import ML, SHADOW, ScoringPolicy, generate_signal, whisper
from signal_generator.core.window import Windows
from signal_generator.repository.followup import Moment
from signal_generator.repository.monitoring import Monitoring
from signal_generator.repository.past import by_symbol, catch_up
from signal_generator.repository.predictions import Scored, add_scored
from signal_generator.repository.shadows import Whispered, add_whispered

Floats = NDArray[np.float64]

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """What was made of one fact."""

    models: Models
    scored: list[Scored]
    shadows: list[Whispered]

    @property
    def signals(self) -> list[Signal]:
        return [one.signal for one in self.scored]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalGeneratorHandlers:
    """The windows live in memory and are rebuilt whenever they do not stand just before a candle.

    That is so after a restart, after a rollback, and after another replica took a turn.
    """

    models: ModelSets
    policy: ScoringPolicy
    symbols: tuple[Symbol, ...]
    metrics: Metrics
    monitoring: Monitoring | None = None
    windows: dict[str, Windows] = field(default_factory=dict[str, Windows])

    def by_topic(self) -> Mapping[str, Handler]:
        return {CandlesClosed.topic: self.on_candles_closed}

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        answered: list[_Answered] = []
        waiting: list[_Answered] = []

        def store() -> None:
            add_scored(uow.connection, [scored for one in waiting for scored in one.scored])
            add_whispered(uow.connection, [shadow for one in waiting for shadow in one.shadows])
            waiting.clear()

        for envelope in batch:
            if isinstance(envelope.event, CandlesClosed):
                moment = Moment(fact=envelope.event, envelope=envelope, uow=uow)
                answered.append(self._answer(moment, store))
                waiting.append(answered[-1])
        store()
        uow.after_commit(lambda: self._observe(answered))

    def _answer(self, moment: Moment, store: Callable[[], None]) -> _Answered:
        """Say what the models in service believe, and keep what the shadows do."""
        fact, uow = moment.fact, moment.uow
        windows = self._windows(moment)
        models, healths = self._standing(moment, store)
        beside = by_symbol(fact)
        vectors = {
            candle.symbol: windows.advance(candle, beside.get(windows.reference(candle.symbol)))
            for candle in _in_order(fact)
        }
        beliefs = with_health(ask(models, vectors), healths)
        doubts = with_health(ask_shadows(models, vectors), healths)
        signals = self._signals(moment, vectors, beliefs)
        whispers = self._signals(moment, vectors, doubts) if doubts else {}
        reasons = _why(signals.values(), models, vectors)
        answered = _Answered(
            models=models,
            scored=[
                Scored(
                    signal=signal,
                    vector=vectors[symbol],
                    carry=windows.carry(symbol),
                    explanation=reasons.get(symbol),
                )
                for symbol, signal in signals.items()
            ],
            shadows=[
                Whispered(
                    release_id=doubt.release_id, signal=whisper(whispers[symbol], doubt.release_id)
                )
                for symbol, doubt in doubts.items()
            ],
        )
        _warn_of_new_holes(answered.signals, beliefs)
        uow.caused_by(moment.envelope)
        uow.emit(_said(fact, answered.signals))
        return answered

    def _standing(self, moment: Moment, store: Callable[[], None]) -> tuple[Models, Healths]:
        """Return which models answer about this candle, and how each of them stands."""
        fact = moment.fact
        instant = Instant(fact.venue, fact.interval, fact.closed_at)
        if self.monitoring is None:
            return self.models.at(instant), {}
        self.monitoring.recall(moment)
        models = self.models.at(instant)
        return models, self.monitoring.look(moment, models, store)

    def _windows(self, moment: Moment) -> Windows:
        fact = moment.fact
        windows = self.windows.get(fact.stream)
        if windows is None:
            windows = self.windows[fact.stream] = Windows(fact.interval, self.symbols)
        behind = [candle for candle in fact.candles if not windows.is_ready_for(candle)]
        if behind:
            catch_up(windows, behind, moment)
        return windows

    def _signals(
        self,
        moment: Moment,
        vectors: Mapping[Symbol, Floats],
        beliefs: Mapping[Symbol, Belief],
    ) -> dict[Symbol, Signal]:
        fact, now = moment.fact, moment.uow.now
        return {
            candle.symbol: generate_signal(
                candle,
                fact.interval,
                vectors[candle.symbol],
                beliefs.get(candle.symbol),
                self.policy,
                now,
            )
            for candle in _in_order(fact)
        }

    def _observe(self, answered: Sequence[_Answered]) -> None:
        for one in answered:
            for signal in one.signals:
                self._count(signal)
            for shadow in one.shadows:
                action = shadow.signal.action.value
                self.metrics.signals_total.labels(source=SHADOW, action=action).inc()
        coverages = [signal.coverage for one in answered for signal in one.signals]
        if coverages:
            self.metrics.feature_coverage_ratio.set(min(coverages))

    def _count(self, signal: Signal) -> None:
        metrics = self.metrics
        metrics.signals_total.labels(source=ML, action=signal.action.value).inc()
        for reason in signal.reasons:
            metrics.signal_refusals_total.labels(reason=reason).inc()
        if signal.edge is not None:
            metrics.prediction_probability.observe(signal.edge.probability)


def _why(
    signals: Iterable[Signal], models: Models, vectors: Mapping[Symbol, Floats]
) -> dict[Symbol, Explanation]:
    """Explain what somebody may act on, from the features as they are stored."""
    return {
        signal.symbol: explain(model, vectors[signal.symbol].astype("<f4").astype(np.float64))
        for signal in worth_explaining(signals)
        if (model := models.model_for(signal.symbol)) is not None
    }


def _said(fact: CandlesClosed, signals: Sequence[Signal]) -> SignalsGenerated:
    return SignalsGenerated(
        source=ML,
        venue=fact.venue,
        interval=fact.interval,
        closed_at=fact.closed_at,
        shard=fact.shard,
        signals=tuple(signals),
    )


def _warn_of_new_holes(signals: Sequence[Signal], beliefs: Mapping[Symbol, Belief]) -> None:
    """Name the instruments that speak although they miss what training always had."""
    speaking = [one.symbol for one in signals if one.edge is not None and one.edge.confidence > 0]
    holes = {symbol: beliefs[symbol].new_holes for symbol in speaking if beliefs[symbol].new_holes}
    if holes:
        log.warning("features.missing_unlike_training", counts=holes)


def _in_order(fact: CandlesClosed) -> list[Candle]:
    return sorted(fact.candles, key=lambda candle: candle.symbol)
