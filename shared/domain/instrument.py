"""What is traded, and the venue's rules about its prices and quantities."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from shared.domain.enums import Side
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import Price, Quantity, Quote, floor_to, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One spot instrument; `tick_size`, `min_notional` in quote, `lot_size` in base."""

    symbol: Symbol
    venue: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal

    def price(self, raw: Decimal) -> Price:
        """Return the tick nearest to `raw`, at least one tick."""
        return Price(max(nearest(raw, self.tick_size), self.tick_size))

    def limit_price(self, raw: Decimal, side: Side) -> Price:
        """Return the most aggressive tick that does not go beyond `raw` for this side."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        ticks = (raw / self.tick_size).to_integral_value(rounding)
        return Price(max(ticks * self.tick_size, self.tick_size))

    def fill_price(self, raw: Decimal, side: Side) -> Price:
        """Return the tick at or beyond `raw` against the taker: slippage is never rounded away."""
        rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
        ticks = (raw / self.tick_size).to_integral_value(rounding)
        return Price(max(ticks * self.tick_size, self.tick_size))

    def quantity(self, raw: Decimal) -> Quantity:
        """Return the largest whole number of lots not above `raw`."""
        return Quantity(floor_to(raw, self.lot_size))

    def is_dust(self, quantity: Decimal) -> bool:
        """Tell whether a holding is too small to be sold at all: less than one lot."""
        return quantity < self.lot_size

    def notional(self, price: Decimal, quantity: Decimal) -> Quote:
        return Quote(price * quantity)


@lru_cache(maxsize=1024)
def split_symbol(symbol: str) -> tuple[str, str]:
    """Return (base, quote) of `BASE-QUOTE`.

    Raises:
        BadInput: not two non-empty upper-case parts joined by one hyphen.
    """
    base, hyphen, quote = symbol.partition("-")
    if not (hyphen and base.isalnum() and quote.isalnum() and symbol == symbol.upper()):
        raise BadInput(
            "symbol",
            f"'{symbol}' is not an instrument",
            "write it as BASE-QUOTE, for example BTC-USDT",
        )
    return base, quote
