"""What portfolio does when it hears of candles, fills, balances and completed instants."""

from portfolio.handlers.facts import Bookkeeper

__all__ = ["Bookkeeper"]
