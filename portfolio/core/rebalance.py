"""From target shares to the trades that would reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portfolio.core.flow import times
from shared.domain.enums import Side
from shared.domain.errors import BadInput
from shared.domain.events import EquityMarked
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrade:
    """One step of a plan; `skipped` says why it would not be sent."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    notional: Decimal
    current_ratio: Decimal
    target_ratio: Decimal
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """`ratios` are shares of equity to hold; instruments not named keep what they have."""

    ratios: Mapping[Symbol, Decimal]
    tolerance_ratio: Decimal = ZERO


def plan(
    marked: EquityMarked,
    prices: Mapping[Symbol, Decimal],
    targets: Targets,
    instruments: Mapping[Symbol, Instrument],
) -> tuple[PlannedTrade, ...]:
    """Return the trades from what is held to the targets: sales first, then purchases, by symbol.

    Raises:
        BadInput: an unknown or unpriced instrument, a ratio outside 0..1, or above 1 in sum.
    """
    _validate(prices, targets, instruments)
    held = {position.symbol: position.quantity for position in marked.positions}
    steps = [
        _step(marked.equity, held.get(symbol, ZERO), prices[symbol], targets, instruments[symbol])
        for symbol in targets.ratios
    ]
    trades = [step for step in steps if step is not None]
    return tuple(sorted(trades, key=lambda trade: (trade.side is Side.BUY, trade.symbol)))


def _validate(
    prices: Mapping[Symbol, Decimal],
    targets: Targets,
    instruments: Mapping[Symbol, Instrument],
) -> None:
    for symbol, ratio in targets.ratios.items():
        if symbol not in instruments:
            known = ", ".join(sorted(instruments))
            raise BadInput("targets", f"{symbol} is not traded here", f"use one of {known}")
        if symbol not in prices:
            raise BadInput(
                "targets", f"{symbol} has no price yet", "try again after its next candle"
            )
        if not 0 <= ratio <= 1:
            raise BadInput("targets", f"{symbol}: {ratio} is no share", "give a ratio from 0 to 1")
    if sum(targets.ratios.values(), ZERO) > 1:
        raise BadInput("targets", "the ratios sum to more than 1", "spot has no leverage")


def _step(
    equity: Decimal, held: Decimal, price: Decimal, targets: Targets, instrument: Instrument
) -> PlannedTrade | None:
    target = targets.ratios[instrument.symbol]
    current = exact(MONEY.divide(times(held, price), equity)) if equity > 0 else ZERO
    if abs(target - current) <= targets.tolerance_ratio:
        return None
    wanted = exact(MONEY.divide(MONEY.multiply(equity, target), price))
    change = MONEY.subtract(wanted, held)
    side = Side.BUY if change > 0 else Side.SELL
    # selling all of it sells the dust too; any other trade is a whole number of lots
    quantity = held if not target else instrument.quantity(abs(change))
    notional = times(quantity, price)
    return PlannedTrade(
        symbol=instrument.symbol,
        side=side,
        quantity=quantity,
        price=price,
        notional=notional,
        current_ratio=current,
        target_ratio=target,
        skipped=_obstacle(quantity, notional, instrument),
    )


def _obstacle(quantity: Decimal, notional: Decimal, instrument: Instrument) -> str:
    if not quantity:
        return f"less than one lot of {instrument.lot_size}"
    if notional < instrument.min_notional:
        return f"below the venue's minimum of {instrument.min_notional}"
    return ""


def planned_total(trades: Sequence[PlannedTrade]) -> Decimal:
    """Return the notional the plan would trade."""
    return sum((trade.notional for trade in trades if not trade.skipped), ZERO)
