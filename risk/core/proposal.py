"""A sized recommendation, with the order it would become."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from risk.core.book import Book
from risk.core.funds import valued
from risk.core.limits import Costs, RiskLimits
from risk.core.reservation import unit_terms
from risk.core.rooms import affordable_loss, headroom
from shared.domain.enums import Side
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.recommendation import Recommendation
from shared.domain.values import MONEY, ZERO, exact, to_decimal
from shared.domain.verdict import Sizing

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """`instrument` is None where it is not traded here.

    `cost`: what the order may cost at worst, at least that of the smallest one the venue takes;
    `loss`: what of that would be lost at its stop.
    `is_computable`: its amounts fit into what the books can hold.
    """

    recommendation: Recommendation
    instrument: Instrument | None
    sizing: Sizing
    now: datetime
    limit_price: Decimal = ZERO
    cost: Decimal = ZERO
    loss: Decimal = ZERO
    is_computable: bool = True

    @property
    def symbol(self) -> Symbol:
        return self.recommendation.symbol

    @property
    def is_reduce_only(self) -> bool:
        return self.recommendation.is_reduce_only

    @property
    def quantity(self) -> Decimal:
        return self.sizing.quantity

    @property
    def notional(self) -> Decimal:
        return self.sizing.notional


def enter(
    recommendation: Recommendation,
    instrument: Instrument,
    sizing: Sizing,
    book: Book,
    terms: tuple[RiskLimits, Costs, datetime],
) -> Proposal:
    """Return the entry: whole lots, at most its share of equity, at worst within every cap."""
    limits, costs, now = terms
    price = recommendation.price
    limit_price = instrument.limit_price(price * (1 + limits.entry_collar), Side.BUY)
    rate = book.funds.rate(recommendation.symbol) or ZERO
    sizing = replace(sizing, quote_rate=rate)
    unit_cost, unit_loss = unit_terms(limit_price, recommendation.bracket, costs, rate)
    wanted = _wanted(recommendation, sizing, book)
    affordable = headroom(instrument, recommendation.source, book, limits) / unit_cost
    if unit_loss > ZERO:
        affordable = min(affordable, affordable_loss(book, limits) / unit_loss)
    quantity = instrument.quantity(max(min(wanted, affordable), ZERO))
    at_least = max(quantity, smallest(instrument, price))
    return Proposal(
        recommendation=recommendation,
        instrument=instrument,
        sizing=_final(sizing, quantity, price),
        now=now,
        limit_price=limit_price,
        cost=exact(MONEY.multiply(at_least, unit_cost)),
        loss=exact(MONEY.multiply(at_least, unit_loss)),
    )


def _wanted(recommendation: Recommendation, sizing: Sizing, book: Book) -> Decimal:
    """Return the quantity before lots and room; one that was asked for as it is, unless cut."""
    asked = recommendation.quantity if recommendation.is_rebalance else None
    if asked is not None and sizing.capped_ratio == sizing.raw_ratio:
        return asked
    price = valued(recommendation.price, sizing.quote_rate)
    return to_decimal(sizing.capped_ratio) * book.equity / price


def smallest(instrument: Instrument, price: Decimal) -> Decimal:
    """Return the smallest quantity the venue takes at a price: whole lots worth its minimum."""
    lots = (instrument.min_notional / price / instrument.lot_size).to_integral_value(ROUND_CEILING)
    return max(lots, _ONE) * instrument.lot_size


def leave(
    recommendation: Recommendation,
    instrument: Instrument,
    sizing: Sizing,
    book: Book,
    terms: tuple[RiskLimits, Costs, datetime],
) -> Proposal:
    """Return the exit: never more than is held; whole lots, unless less than a minimum is left."""
    limits, _costs, now = terms
    held = book.quantity(recommendation.symbol)
    asked = min(recommendation.quantity or held, held)
    quantity = instrument.quantity(asked)
    if asked == held and quantity * recommendation.price < instrument.min_notional:
        quantity = asked  # the venue takes a closing order of any size
    lowest = recommendation.price * max(_ONE - limits.exit_collar, ZERO)
    return Proposal(
        recommendation=recommendation,
        instrument=instrument,
        sizing=_final(sizing, quantity, recommendation.price),
        now=now,
        limit_price=instrument.limit_price(lowest, Side.SELL),
    )


def _final(sizing: Sizing, quantity: Decimal, price: Decimal) -> Sizing:
    return replace(sizing, quantity=quantity, notional=exact(MONEY.multiply(quantity, price)))
