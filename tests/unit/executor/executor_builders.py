"""Orders, candles and listings of the executor's tests."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from executor.core.book import InstrumentBook
from executor.core.matching import Listing, MatchingRules, venue_order_id
from executor.core.planning import OrderPolicy, plan
from executor.core.steps import accept, claim
from shared.domain.candle import Candle
from shared.domain.enums import ExitReason, Purpose, Side
from shared.domain.instrument import Instrument
from shared.domain.recommendation import recommendation_id
from shared.domain.verdict import decision_id
from tests.builders import ACCOUNT, APPROVED, BTC, CLOSED_AT, HOUR, PLAN

D = Decimal
POLICY = OrderPolicy(mode="mock", venue="synthetic")
INSTRUMENT = Instrument(
    symbol=BTC,
    venue="synthetic",
    base="BTC",
    quote="USDT",
    tick_size=D("0.01"),
    lot_size=D("0.001"),
    min_notional=D(5),
)
RULES = MatchingRules(fee_ratio=D("0.001"), slippage_ratio=D("0.0005"))
LISTING = Listing(instrument=INSTRUMENT, rules=RULES, policy=POLICY)


def approval(side=Side.BUY, hour=0, symbol=BTC, **changes):
    """An approval decided `hour` hours after the first candle closed; prices around 100."""
    at = CLOSED_AT + timedelta(hours=hour)
    recommended = recommendation_id(ACCOUNT, symbol, at, side)
    values = {
        "decision_id": decision_id(recommended),
        "recommendation_id": recommended,
        "symbol": symbol,
        "side": side,
        "purpose": Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        "quantity": D(1),
        "price": D(100),
        "limit_price": D(101) if side is Side.BUY else D(90),
        "notional": D(100),
        "decided_at": at,
        "expires_at": at + HOUR,
        "bracket": PLAN if side is Side.BUY else None,
        "exit_reason": None if side is Side.BUY else ExitReason.HORIZON,
    }
    return replace(APPROVED, **{**values, **changes})


def order(side=Side.BUY, hour=0, policy=POLICY, **changes):
    return plan(approval(side, hour, **changes), policy)


def resting(wanted):
    claimed = claim(wanted, wanted.decided_at)
    return accept(claimed.state, venue_order_id(wanted), wanted.decided_at).state


def book_with(*wanted):
    book = InstrumentBook()
    for one in wanted:
        book = book.with_order(resting(one))
    return book


def candle(hour, open_=100, high=None, low=None, close=None, volume=1000, symbol=BTC, **changes):
    """The candle that closes `hour` hours after the first one."""
    at = CLOSED_AT + timedelta(hours=hour)
    values = {
        "symbol": symbol,
        "open_at": at - HOUR,
        "closed_at": at,
        "open": D(str(open_)),
        "high": D(str(open_ if high is None else high)),
        "low": D(str(open_ if low is None else low)),
        "close": D(str(open_ if close is None else close)),
        "volume": D(str(volume)),
    }
    return Candle(**{**values, **changes})
