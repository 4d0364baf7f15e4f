"""How small an order may be, and what a probe can cost: pure functions of a venue's rules."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from shared.domain.enums import Side
from shared.domain.venue import FeeRates, TopOfBook, TradingRules

_AWAY = Decimal("0.95")  # far enough not to trade, near enough for every price band
_ACROSS = Decimal("1.01")
_BELOW = Decimal("0.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiny:
    """A limit order; `price` in quote, `quantity` in base."""

    side: Side
    price: Decimal
    quantity: Decimal

    @property
    def notional(self) -> Decimal:
        return self.price * self.quantity


def least_quantity(rules: TradingRules, price: Decimal) -> Decimal:
    """Return the smallest quantity the venue takes at a price."""
    lot = rules.instrument.lot_size
    wanted = max(rules.min_quantity, rules.instrument.min_notional / price)
    return (wanted / lot).to_integral_value(ROUND_CEILING) * lot


def resting_buy(rules: TradingRules, top: TopOfBook) -> Tiny:
    """Return the least order that rests: 5 % below the best bid."""
    price = rules.instrument.limit_price(top.bid * _AWAY, Side.BUY)
    return Tiny(side=Side.BUY, price=price, quantity=least_quantity(rules, price))


def crossing_buy(rules: TradingRules, top: TopOfBook) -> Tiny:
    """Return the least order that trades at once and can be sold back: fees may come out of it."""
    sold_at = top.bid * _BELOW
    price = rules.instrument.limit_price(top.ask * _ACROSS, Side.BUY)
    quantity = least_quantity(rules, sold_at) + rules.instrument.lot_size
    return Tiny(side=Side.BUY, price=price, quantity=quantity)


def crossing_sell(rules: TradingRules, top: TopOfBook, held: Decimal) -> Tiny | None:
    """Return the order that sells what is held; None where that is too little for the venue."""
    price = rules.instrument.limit_price(top.bid * _BELOW, Side.SELL)
    quantity = Decimal(rules.instrument.quantity(held))
    if quantity < least_quantity(rules, price):
        return None
    return Tiny(side=Side.SELL, price=price, quantity=quantity)


def usual_loss(tiny: Tiny, top: TopOfBook, fees: FeeRates) -> Decimal:
    """Return what buying and selling back costs: fees both ways and the spread, in quote."""
    spread = (top.ask - top.bid) * tiny.quantity
    return top.ask * tiny.quantity * 2 * fees.taker + spread
