"""What a model's promises would have earned, beside doing nothing, holding, a rule and a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from models.candidate import Fitted, Study
from models.dataset import CandleArrays
from models.evaluation.sheet import Money, StrategyResult
from models.labels import Cost
from models.manifest import TradedMarket
from models.statistics.overfitting import probability_of_overfitting
from models.statistics.sharpe import deflated_sharpe, sharpe_ratio
from models.strategy.baselines import buy_and_hold, flat, momentum, trend_of
from models.strategy.bets import Bets, Prices, Sizing, prices_of
from models.strategy.result import daily_returns, summarise
from models.strategy.simulate import Course, trade
from models.validation import Indices
from shared.domain.ids import Symbol
from shared.domain.kelly import kelly_empirical, kelly_two_point

Floats = NDArray[np.float64]

_SECONDS_PER_YEAR = 365.25 * 86_400
MODEL, FLAT, HOLD, RULE, LINE = "model", "flat", "buy and hold", "EMA/RSI", "logistic regression"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Floor:
    """The candles some instruments are traded on, and what the rule looks at: (T, n) each."""

    symbols: tuple[Symbol, ...]
    prices: Prices
    ppo: Floats
    rsi: Floats

    @property
    def candles_per_year(self) -> float:
        return _SECONDS_PER_YEAR / float(np.diff(self.prices.instants[:2])[0])


def floor_of(
    data: Mapping[Symbol, CandleArrays], market: TradedMarket, study: Study, part: Indices
) -> Floor:
    """Return the candles from the first decision of these rows to the end of their last trade."""
    step = market.interval.seconds
    first = int(study.rows.closed_at[part].min())
    last = int(study.rows.label_end_at[part].max())
    symbols = tuple(sorted(market.references))
    prices = prices_of(data, symbols, step, first, last)
    ppo, rsi = trend_of(data, symbols, prices, step)
    return Floor(symbols=symbols, prices=prices, ppo=ppo, rsi=rsi)


def course_of(
    study: Study, floor: Floor, part: Indices, promised: tuple[Floats, Floats], fitted: Fitted
) -> Course:
    """Return what the production sizing makes of equity 1 with the margins and p (k,) of rows."""
    rows, (margins, p) = study.rows, promised
    places = {symbol: place for place, symbol in enumerate(floor.symbols)}
    column = np.array([places.get(symbol, -1) for symbol in rows.symbols])
    neighbours = [fitted.calibrator.neighbours(margin) for margin in margins.tolist()]
    bets = Bets(
        instrument=column[rows.symbol_index[part]],
        decided_at=rows.closed_at[part],
        end_at=rows.label_end_at[part],
        gross=rows.gross[part],
        net=rows.net[part],
        barrier=rows.barrier[part],
        probability=p,
        neighbours=np.array(neighbours),
        confidence=np.ones(len(part)),
    )
    everyone, payoff = np.ones(len(floor.symbols)), fitted.payoff
    sizing = Sizing(
        a_win=payoff.a_win * everyone,
        a_loss=payoff.a_loss * everyone,
        reference_kelly=payoff.reference_kelly * everyone,
        fee_ratio=study.label.fee_ratio,
        slippage_ratio=study.label.slippage_ratio,
    )
    return trade(bets, sizing, floor.prices)


def rivals(study: Study, floor: Floor, line: Course, draws: int) -> tuple[StrategyResult, ...]:
    """Return what the baselines made of the same candles, at the same costs."""
    prices, label = floor.prices, study.label
    cost = Cost(fee_ratio=label.fee_ratio, slippage_ratio=label.slippage_ratio)
    courses = {
        FLAT: flat(prices),
        HOLD: buy_and_hold(prices, cost),
        RULE: momentum(prices, floor.ppo, floor.rsi, cost),
        LINE: line,
    }
    return tuple(
        summarise(name, course, floor.candles_per_year, draws) for name, course in courses.items()
    )


def money(
    floor: Floor,
    course: Course,
    others: tuple[StrategyResult, ...],
    tries: Sequence[Floats],
    earlier: Sequence[float],
    draws: int,
) -> Money:
    """Judge one course by its rivals, by all tries (daily returns) and by earlier ones (Sharpe).

    `tries` hold those of this training, the course's own among them; without any, luck is not
    judged: nothing was chosen by these candles.
    """
    sharpes = [sharpe_ratio(one) for one in tries] + list(earlier)
    deflated, expected = None, None
    if tries:
        deflated, expected = deflated_sharpe(daily_returns(course), sharpes, len(sharpes))
    overfitting = probability_of_overfitting(np.stack(tries, axis=1)) if len(tries) > 1 else None
    return Money(
        first_at=datetime.fromtimestamp(int(floor.prices.instants[0]), UTC),
        last_at=datetime.fromtimestamp(int(floor.prices.instants[-1]), UTC),
        results=(summarise(MODEL, course, floor.candles_per_year, draws), *others),
        deflated_sharpe=deflated,
        expected_max_sharpe=expected,
        overfitting_probability=overfitting,
        trials=len(sharpes),
        kelly_two_point=_two_point(course.trades.net),
        kelly_empirical=_finite(kelly_empirical(course.trades.net.tolist())),
    )


def _two_point(net: Floats) -> float | None:
    """Return Kelly's fraction of a bet that wins and loses the means of these trades."""
    won, lost = net[net > 0], net[net <= 0]
    if not len(won) or not len(lost):
        return None
    share = len(won) / len(net)
    return _finite(max(kelly_two_point(share, float(won.mean()), -float(lost.mean())), 0.0))


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
