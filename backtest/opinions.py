"""What the sources say over the whole history, found fast and answered exactly.

The baseline and the models run over all candles as compiled loops. That tells where somebody might
act: a superset, found in floats with a tolerance. Only where the engine looks is the signal itself
made, by the very functions the services call.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.inputs import BacktestSpec, Speakers
from backtest.market import ABSENT, Market
from backtest.suspicion import SLACK, Evidence, Suspicion, suspect
from shared.domain.candle import Candle, reference_of
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from signal_generator.core.belief import belief_of
from signal_generator.core.scoring import ML, generate_signal
from signals.core.combine import combine
from signals.core.rule_history import RuleHistory, rule_batch
from signals.core.rules import BUY, RULE, SELL, Moment, rule_signal

Places = list[int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Voice:
    """One instrument's sources; `buys` and `sells` are places on the time line."""

    rules: RuleHistory
    suspicion: Suspicion | None
    buys: Places
    sells: Places


class Opinions:
    """Where to look, and what is said there.

    A model that holds back is left out of the combination: all that would differ is why the signal
    holds, which decides nothing. So is one whose weight is 0.
    """

    def __init__(self, market: Market, spec: BacktestSpec, speakers: Speakers) -> None:
        self._market = market
        self._spec = spec
        self._speakers = speakers if spec.mixture.waits_for_ml else {}
        self._voices = {symbol: self._voice(symbol) for symbol in market.symbols}

    def next_buy(self, symbol: Symbol, after: int) -> int:
        """Return the next candle at which the combination may be to buy (the length if none)."""
        return self._next(self._voices[symbol].buys, after)

    def next_sell(self, symbol: Symbol, after: int) -> int:
        return self._next(self._voices[symbol].sells, after)

    def signal(self, symbol: Symbol, at: int) -> Signal | None:
        """Return the combined signal of an instrument at a candle, None where it has no candle."""
        candle = self._market.candle(symbol, at)
        if candle is None:
            return None
        voice, row = self._voices[symbol], int(self._market.rows(symbol)[at])
        moment = Moment(
            symbol=symbol,
            interval=self._spec.interval,
            closed_at=candle.closed_at,
            price=candle.close,
        )
        code, sigma = int(voice.rules.codes[row]), float(voice.rules.sigma[row])
        parts = {RULE: rule_signal(moment, code, sigma, self._spec.rules)}
        if voice.suspicion is not None and voice.suspicion.codes[row]:
            parts[ML] = self._ask(candle, voice.suspicion.evidence(row))
        return combine(parts, self._spec.mixture)

    def _ask(self, candle: Candle, seen: Evidence) -> Signal:
        speaker = self._speakers[candle.symbol]
        holes = int(speaker.model.new_holes(seen.vector[np.newaxis])[0])
        prediction = speaker.model.prediction(seen.margin, seen.unfamiliar_ratio, holes)
        belief = belief_of(speaker.model, prediction, is_fallback=speaker.is_fallback)
        scoring = self._spec.scoring
        return generate_signal(candle, self._spec.interval, seen.vector, belief, scoring)

    def _next(self, places: Places, after: int) -> int:
        index = bisect_right(places, after)
        return places[index] if index < len(places) else len(self._market)

    def _voice(self, symbol: Symbol) -> _Voice:
        candles = self._market.arrays(symbol)
        rules = rule_batch(candles.ohlcv[:, 3], candles.is_filled)
        suspicion = self._suspicion(symbol)
        highest, lowest = self._extremes(rules, suspicion)
        places = np.flatnonzero(self._market.rows(symbol) != ABSENT)
        return _Voice(
            rules=rules,
            suspicion=suspicion,
            buys=places[highest >= self._spec.mixture.threshold - SLACK].tolist(),
            sells=places[lowest <= SLACK - self._spec.mixture.threshold].tolist(),
        )

    def _suspicion(self, symbol: Symbol) -> Suspicion | None:
        speaker = self._speakers.get(symbol)
        if speaker is None:
            return None
        candles = self._market.arrays(symbol)
        reference = self._market.beside(symbol, reference_of(symbol, self._market.symbols))
        seconds = self._spec.interval.seconds
        return suspect(candles, reference, speaker, self._spec.scoring, seconds)

    def _extremes(
        self, rules: RuleHistory, suspicion: Suspicion | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the highest and the lowest score there can be at each candle.

        What looks like an action may turn out to be none; what does not look like one is none.
        """
        weights = self._spec.mixture.weights
        said = (rules.codes == BUY) * 1.0 - (rules.codes == SELL)
        highest = weights.get(RULE, 0.0) * said
        lowest = weights.get(RULE, 0.0) * np.minimum(said, 0.0)
        if suspicion is not None:
            highest += weights.get(ML, 0.0) * np.maximum(suspicion.codes, 0)
            lowest += weights.get(ML, 0.0) * np.minimum(suspicion.codes, 0)
        total = sum(weights.values()) or 1.0
        return highest / total, lowest / total
