"""What anybody could have had without us: nothing at all, or everything bought and kept."""

from decimal import Decimal

import numpy as np

from backtest.market import Market
from backtest.result import Curve, Outcome
from portfolio.core.performance import Activity, candles_per_year, measure
from risk.core.limits import Costs
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, to_decimal

FLAT, BUY_AND_HOLD = "flat", "buy and hold"


def flat(market: Market, opening_balance: Decimal) -> Outcome:
    count = len(market)
    curve = Curve(
        seconds=_seconds(market),
        equity=np.full(count + 1, float(opening_balance)),
        invested_ratio=np.zeros(count),
    )
    return _outcome(FLAT, market, curve, Activity(trips=(), traded_notional=ZERO, fees=ZERO))


def buy_and_hold(market: Market, opening_balance: Decimal, costs: Costs) -> Outcome:
    """Spread the money evenly, buy each at the open after its first candle, and keep it."""
    share = float(opening_balance) / len(market.symbols)
    invested = np.zeros(len(market))
    cash = np.full(len(market), float(opening_balance))
    bought = 0.0
    for symbol in market.symbols:
        at, price = market.first_entry(symbol)
        if at == len(market):
            continue
        notional = share / (1.0 + costs.fee_ratio)
        quantity = notional / (price * (1.0 + costs.slippage_ratio))
        invested[at:] += quantity * market.closes[symbol][at:]
        cash[at:] -= share
        bought += notional
    equity = np.concatenate(([float(opening_balance)], cash + invested))
    curve = Curve(
        seconds=_seconds(market), equity=equity, invested_ratio=invested / (cash + invested)
    )
    activity = Activity(
        trips=(), traded_notional=to_decimal(bought), fees=to_decimal(bought * costs.fee_ratio)
    )
    return _outcome(BUY_AND_HOLD, market, curve, activity)


def held_ratio(market: Market, symbol: Symbol) -> float:
    """Return what one instrument's price did from its first close to its last, without costs."""
    closes = market.closes[symbol]
    known = closes[np.isfinite(closes)]
    return float(known[-1] / known[0] - 1.0) if len(known) else 0.0


def _seconds(market: Market) -> np.ndarray:
    return np.concatenate(([market.opened_at], market.seconds))


def _outcome(name: str, market: Market, curve: Curve, activity: Activity) -> Outcome:
    per_year = candles_per_year(market.interval)
    performance = measure(curve.drawn, curve.invested_ratio, activity, per_year)
    return Outcome(name=name, curve=curve, performance=performance)
