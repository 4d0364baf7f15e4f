"""Candles in, signals out: one question per model and one insert per batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from models.features import LOOKBACK
from models.registry import Registry
from models.scorer import ServingModel
from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.history import last_events
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.candle import Candle
from shared.domain.events import CandlesClosed, SignalsGenerated
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics
from signal_generator.core.belief import Belief, believe
from signal_generator.core.scoring import ML, ScoringPolicy, generate_signal
from signal_generator.core.window import Past, Windows
from signal_generator.repository.predictions import Scored, add_scored, last_carried

Floats = NDArray[np.float64]

log = get_logger()

_JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalGeneratorHandlers:
    """The windows live in memory and are rebuilt whenever they do not stand just before a candle.

    That is so after a restart, after a rollback, and after another replica took a turn.
    """

    registry: Registry
    policy: ScoringPolicy
    symbols: tuple[Symbol, ...]
    metrics: Metrics
    windows: dict[str, Windows] = field(default_factory=dict[str, Windows])

    def by_topic(self) -> Mapping[str, Handler]:
        return {CandlesClosed.topic: self.on_candles_closed}

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        everything: list[Scored] = []
        for envelope in batch:
            if not isinstance(envelope.event, CandlesClosed):
                continue
            fact = envelope.event
            scored = self._score(fact, envelope, uow)
            everything.extend(scored)
            uow.caused_by(envelope)
            uow.emit(
                SignalsGenerated(
                    source=ML,
                    venue=fact.venue,
                    interval=fact.interval,
                    closed_at=fact.closed_at,
                    shard=fact.shard,
                    signals=tuple(one.signal for one in scored),
                )
            )
        add_scored(uow.connection, everything)
        uow.after_commit(lambda: self._observe([one.signal for one in everything]))

    def _score(self, fact: CandlesClosed, envelope: Envelope, uow: UnitOfWork) -> list[Scored]:
        windows = self.windows.get(fact.stream)
        if windows is None:
            windows = self.windows[fact.stream] = Windows(fact.interval, self.symbols)
        candles = sorted(fact.candles, key=lambda candle: candle.symbol)
        behind = [candle for candle in candles if not windows.is_ready_for(candle)]
        if behind:
            _catch_up(windows, behind, envelope, fact, uow)
        beside = _by_symbol(fact)
        vectors = {
            candle.symbol: windows.advance(candle, beside.get(windows.reference(candle.symbol)))
            for candle in candles
        }
        beliefs = self._ask(vectors)
        scored = [
            Scored(
                signal=generate_signal(
                    candle,
                    fact.interval,
                    vectors[candle.symbol],
                    beliefs.get(candle.symbol),
                    self.policy,
                ),
                vector=vectors[candle.symbol],
                carry=windows.carry(candle.symbol),
            )
            for candle in candles
        ]
        _warn_of_new_holes([one.signal for one in scored], beliefs)
        return scored

    def _ask(self, vectors: Mapping[Symbol, Floats]) -> dict[Symbol, Belief]:
        """Ask every model once, about all instruments that it speaks for."""
        groups: defaultdict[tuple[str, bool], list[Symbol]] = defaultdict(list)
        models: dict[str, ServingModel] = {}
        for symbol in vectors:
            model = self.registry.model_for(symbol)
            if model is not None:
                models[model.release_id] = model
                is_fallback = self.registry.is_fallback(symbol, model)
                groups[model.release_id, is_fallback].append(symbol)
        beliefs: dict[Symbol, Belief] = {}
        for (release_id, is_fallback), symbols in groups.items():
            rows = np.stack([vectors[symbol] for symbol in symbols])
            answers = believe(models[release_id], rows, is_fallback=is_fallback)
            beliefs.update(zip(symbols, answers, strict=True))
        return beliefs

    def _observe(self, signals: Sequence[Signal]) -> None:
        metrics = self.metrics
        for signal in signals:
            metrics.signals_total.labels(source=ML, action=signal.action.value).inc()
            for reason in signal.reasons:
                metrics.signal_refusals_total.labels(reason=reason).inc()
            if signal.edge is not None:
                metrics.prediction_probability.observe(signal.edge.probability)
            model = self.registry.model_for(signal.symbol)
            if model is not None:
                age = max((signal.closed_at - model.created_at).total_seconds(), 0.0)
                metrics.model_age_seconds.labels(symbol=signal.symbol).set(age)
        if signals:
            metrics.feature_coverage_ratio.set(min(signal.coverage for signal in signals))


def _warn_of_new_holes(signals: Sequence[Signal], beliefs: Mapping[Symbol, Belief]) -> None:
    """Name the instruments that speak although they miss what training always had."""
    speaking = [one.symbol for one in signals if one.edge is not None and one.edge.confidence > 0]
    holes = {symbol: beliefs[symbol].new_holes for symbol in speaking if beliefs[symbol].new_holes}
    if holes:
        log.warning("features.missing_unlike_training", counts=holes)


def _by_symbol(fact: CandlesClosed) -> dict[Symbol, Candle]:
    return {candle.symbol: candle for candle in (*fact.references, *fact.candles)}


def _catch_up(
    windows: Windows,
    behind: Sequence[Candle],
    envelope: Envelope,
    fact: CandlesClosed,
    uow: UnitOfWork,
) -> None:
    """Bring windows to just before this fact, from what was carried and from the log."""
    symbols = [candle.symbol for candle in behind]
    carried = last_carried(uow.connection, fact.interval, symbols, fact.closed_at)
    said = last_events(
        uow.connection,
        topic=CandlesClosed.topic,
        stream=fact.stream,
        before=envelope.occurred_at + _JUST_AFTER,
        limit=LOOKBACK,
    )
    earlier = [one.event for one in said if isinstance(one.event, CandlesClosed)]
    markets = [_by_symbol(one) for one in earlier if one.closed_at < fact.closed_at]
    for symbol in symbols:
        reference = windows.reference(symbol)
        past = [
            Past(candle=market[symbol], reference=market.get(reference))
            for market in markets
            if symbol in market
        ]
        windows.restore(symbol, carried.get(symbol), past)
