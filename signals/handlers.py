"""Two opinions about the same candles meet here; whichever comes second has them combined."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Interval
from shared.domain.events import CandlesClosed, SignalsAggregated, SignalsGenerated
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from shared.runtime.metrics import Metrics
from signals.core.combine import ML, Mixture, combine
from signals.core.rules import RULE, RulePolicy, RuleState, generate_signal
from signals.core.sources import in_force, mix
from signals.repository import opinions, parts, rules
from signals.repository.parts import Part, PartKey, key_of
from signals.repository.rules import Carried


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHandlers:
    """`initial_weights` stand until an operator changes one in the table."""

    policy: RulePolicy
    initial_weights: Mapping[str, float]
    threshold: float
    metrics: Metrics

    def by_topic(self) -> Mapping[str, Handler]:
        return {
            CandlesClosed.topic: self.on_candles_closed,
            SignalsGenerated.topic: self.on_signals_generated,
        }

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        heard = {
            key_of(envelope.event): (envelope, envelope.event)
            for envelope in batch
            if isinstance(envelope.event, CandlesClosed)
        }
        said = self._apply_rules([fact for _, fact in heard.values()], uow)
        sources = in_force(self.initial_weights, opinions.stored_sources(uow.connection))
        mixture = mix(sources, self.threshold)
        models = parts.take_parts(uow.connection, ML, list(heard))
        waiting: dict[PartKey, Part] = {}
        for key, (envelope, _) in heard.items():
            if not said[key]:
                continue
            if mixture.waits_for_ml and key not in models:
                waiting[key] = Part(signals=said[key], weights=mixture.weights)
            else:
                model = models.get(key, Part(signals=()))
                uow.caused_by(model.heard or envelope)
                self._aggregate(key, (*said[key], *model.signals), mixture, uow)
        parts.save_parts(uow.connection, RULE, waiting)

    def on_signals_generated(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        heard = {
            key_of(envelope.event): (envelope, envelope.event.signals)
            for envelope in batch
            if isinstance(envelope.event, SignalsGenerated) and envelope.event.source == ML
        }
        baselines = parts.take_parts(uow.connection, RULE, list(heard))
        for key, baseline in baselines.items():
            envelope, model = heard[key]
            mixture = Mixture(weights=baseline.weights or {}, threshold=self.threshold)
            uow.caused_by(envelope)
            self._aggregate(key, (*baseline.signals, *model), mixture, uow)
        early = {
            key: Part(signals=model, heard=envelope)
            for key, (envelope, model) in heard.items()
            if key not in baselines and not self._is_past(key, model, uow)
        }
        parts.save_parts(uow.connection, ML, early)

    def _apply_rules(
        self, facts: Sequence[CandlesClosed], uow: UnitOfWork
    ) -> dict[PartKey, tuple[Signal, ...]]:
        """Advance the baseline by candles it has not seen; one it has seen says nothing again."""
        said: dict[PartKey, tuple[Signal, ...]] = {}
        for interval, group in _by_interval(facts).items():
            symbols = {candle.symbol for fact in group for candle in fact.candles}
            carried = rules.load_carried(uow.connection, interval, symbols)
            for fact in group:
                said[key_of(fact)] = self._advance(fact, carried)
            rules.save_carried(uow.connection, interval, carried)
        everything = [signal for group in said.values() for signal in group]
        opinions.add_signals(uow.connection, everything)
        self._count(everything, uow)
        return said

    def _advance(self, fact: CandlesClosed, carried: dict[Symbol, Carried]) -> tuple[Signal, ...]:
        said: list[Signal] = []
        for candle in sorted(fact.candles, key=lambda candle: candle.symbol):
            before = carried.get(candle.symbol)
            if before is not None and before.closed_at >= candle.closed_at:
                continue
            state = RuleState() if before is None else before.state
            state, signal = generate_signal(state, candle, fact.interval, self.policy)
            carried[candle.symbol] = Carried(closed_at=candle.closed_at, state=state)
            said.append(signal)
        return tuple(said)

    def _aggregate(
        self, key: PartKey, signals: Sequence[Signal], mixture: Mixture, uow: UnitOfWork
    ) -> None:
        """Combine per instrument; a model's signal without a candle of ours is left out."""
        said: defaultdict[Symbol, dict[str, Signal]] = defaultdict(dict)
        for signal in signals:
            said[signal.symbol][signal.source] = signal
        outside = opinions.external_signals(
            uow.connection, mixture.externals, key.interval, key.closed_at
        )
        combined = tuple(
            combine({**outside.get(symbol, {}), **own}, mixture)
            for symbol, own in sorted(said.items())
            if RULE in own
        )
        opinions.add_signals(uow.connection, combined)
        self._count(combined, uow)
        uow.emit(
            SignalsAggregated(
                venue=key.venue,
                interval=key.interval,
                closed_at=key.closed_at,
                shard=key.shard,
                signals=combined,
            )
        )

    def _is_past(self, key: PartKey, model: Sequence[Signal], uow: UnitOfWork) -> bool:
        """Tell whether the shard's candles were combined without the model (it weighed nothing)."""
        symbols = [signal.symbol for signal in model]
        carried = rules.load_carried(uow.connection, key.interval, symbols)
        return any(one.closed_at >= key.closed_at for one in carried.values())

    def _count(self, signals: Sequence[Signal], uow: UnitOfWork) -> None:
        spoken = Counter((signal.source, signal.action.value) for signal in signals)

        def count() -> None:
            for (source, action), number in spoken.items():
                self.metrics.signals_total.labels(source=source, action=action).inc(number)

        uow.after_commit(count)


def _by_interval(facts: Sequence[CandlesClosed]) -> dict[Interval, list[CandlesClosed]]:
    grouped: defaultdict[Interval, list[CandlesClosed]] = defaultdict(list)
    for fact in facts:
        grouped[fact.interval].append(fact)
    return grouped
