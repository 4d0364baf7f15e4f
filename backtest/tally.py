"""Each instrument's share of a result."""

from backtest.account import Account
from backtest.baselines import held_ratio
from backtest.market import Market
from backtest.result import InstrumentOutcome
from portfolio.core.outcomes import profit_factor, win_rate
from portfolio.core.position import Position
from shared.domain.ids import Symbol


def per_instrument(market: Market, account: Account) -> dict[Symbol, InstrumentOutcome]:
    return {symbol: _outcome(symbol, market, account) for symbol in market.symbols}


def _outcome(symbol: Symbol, market: Market, account: Account) -> InstrumentOutcome:
    profits = [trip.pnl for trip in account.trips if trip.symbol == symbol]
    position = account.positions.get(symbol) or Position(symbol=symbol)
    return InstrumentOutcome(
        symbol=symbol,
        candles=market.count(symbol),
        trades=len(profits),
        win_rate=win_rate(profits),
        profit_factor=profit_factor(profits),
        realized_pnl=position.realized_pnl,
        fees=position.fees,
        buy_and_hold_ratio=held_ratio(market, symbol),
    )
