"""The checks of the market an entry is made in: known, fresh, near the price, narrow and calm."""

from decimal import Decimal

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.limits import RiskLimits
from risk.core.market import Market, Quote
from risk.core.proposal import Proposal
from risk.core.tape import RECENT
from shared.domain.values import MONEY, ZERO, to_text
from shared.domain.verdict import Breach

_BPS = Decimal(10_000)


def market_age(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Refuse what was not traded lately; the last close is one candle old before the next comes."""
    allowed = (1 + limits.max_price_age_candles) * proposal.recommendation.interval.seconds
    market = _market(proposal, book)
    if market is None:
        remedy = "wait for its first candle; check that market_data publishes the instrument"
        return breach("market_age", f"{allowed} s", "no candle heard yet", remedy=remedy)
    age = (proposal.now - market.traded_at).total_seconds()
    if age <= allowed:
        return None
    remedy = "check that candles arrive and that the instrument is still traded"
    return breach("market_age", f"{allowed} s", f"{age:g} s", remedy=remedy)


def price_collar(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Refuse a price that is far from the last trade, or from the middle of the best prices."""
    market, price = _market(proposal, book), proposal.recommendation.price
    if market is None or price <= ZERO:
        return None  # and that has its own reason
    anchors = {"the last trade": market.price}
    if market.quote is not None and book.markets.needs_quotes:
        anchors["the middle of the best prices"] = market.quote.mid
    for name, anchor in anchors.items():
        off = MONEY.divide(MONEY.multiply(abs(MONEY.subtract(price, anchor)), _BPS), anchor)
        if off > limits.price_collar_bps:
            remedy = f"give a price near {to_text(anchor)}, or raise price_collar_bps"
            value = f"{float(off):.6g} bps off {name} at {to_text(anchor)}"
            return breach("price_collar", f"{limits.price_collar_bps} bps", value, remedy=remedy)
    return None


def quote_age(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    if not book.markets.needs_quotes:
        return None
    quote, allowed = _quote(proposal, book), limits.max_quote_age_seconds
    remedy = "check that the executor reaches the venue: it tells the best prices"
    if quote is None:
        return breach("quote_age", f"{allowed} s", "no best prices seen yet", remedy=remedy)
    age = (proposal.now - quote.seen_at).total_seconds()
    if age <= allowed:
        return None
    return breach("quote_age", f"{allowed} s", f"{age:g} s", remedy=remedy)


def spread(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    quote = _quote(proposal, book)
    if quote is None or not book.markets.needs_quotes:
        return None
    width = MONEY.divide(MONEY.multiply(MONEY.subtract(quote.ask, quote.bid), _BPS), quote.mid)
    if width <= limits.max_spread_bps:
        return None
    remedy = "wait until somebody quotes closer, or raise max_spread_bps"
    value = f"{float(width):.6g} bps"
    return breach("spread", f"{limits.max_spread_bps} bps", value, remedy=remedy)


def volatility(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Pause an instrument that moves much more than it usually does."""
    market = _market(proposal, book)
    ratio = None if market is None else market.volatility_ratio
    if ratio is None or ratio < limits.max_volatility_ratio:
        return None
    remedy = f"wait until {RECENT} candles have been calmer, or raise max_volatility_ratio"
    limit = f"below {limits.max_volatility_ratio:g} times the usual"
    return breach("volatility", limit, f"{ratio:.4g} times the usual", remedy=remedy)


def _market(proposal: Proposal, book: Book) -> Market | None:
    return book.markets.by_symbol.get(proposal.symbol)


def _quote(proposal: Proposal, book: Book) -> Quote | None:
    market = _market(proposal, book)
    return None if market is None else market.quote
