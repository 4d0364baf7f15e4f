"""Skipping from decision to decision sees what marking every candle sees, to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.account import Account
from backtest.market import Market
from models.dataset import CandleArrays
from portfolio.core.booking import booking_of
from portfolio.core.books import book, flat
from portfolio.core.equity import Holdings, mark, opening_watermark, watermark_of
from portfolio.core.flow import flow_of
from shared.domain.bracket import Bracket
from shared.domain.enums import Interval, Liquidity, Purpose, Side
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY, Price, exact, to_decimal

ACCOUNT = AccountId("mock-main")
OPENING = Decimal(10_000)
START = int(datetime(2024, 1, 1, 3, tzinfo=UTC).timestamp())
SYMBOLS = (Symbol("AAA-USDT"), Symbol("BBB-USDT"))


def arrays(closes, hours):
    close = np.array(closes)
    return CandleArrays(
        symbol=SYMBOLS[0],
        closed_at=START + 3600 * (1 + np.array(hours, dtype=np.int64)),
        ohlcv=np.stack((close, close * 1.01, close * 0.99, close, np.ones(len(close))), axis=1),
        is_filled=np.zeros(len(close), dtype=bool),
    )


@st.composite
def stories(draw):
    """Two instruments with holes in their candles, fills here and there, marks here and there."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    count = draw(st.integers(2, 120))
    data = {}
    for symbol in SYMBOLS:
        hours = np.flatnonzero(random.random(count) < draw(st.sampled_from([1.0, 0.8, 0.3])))
        if not len(hours):
            hours = np.array([0])
        step = draw(st.sampled_from([0.0, 0.01, 0.1]))
        closes = np.round(100 * np.exp(np.cumsum(step * random.standard_normal(len(hours)))), 2)
        data[symbol] = arrays(np.maximum(closes, 0.01), hours)
    trades = random.random(count) < draw(st.sampled_from([0.02, 0.2]))
    looks = random.random(count) < draw(st.sampled_from([0.0, 0.1, 0.5]))
    return data, trades, looks, seed


def fill(number, symbol, side, price, at):
    return Fill(
        trade_id=TradeId(f"t{number}"),
        client_order_id=ClientOrderId("o"),
        account=ACCOUNT,
        venue="sim",
        symbol=symbol,
        side=side,
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        quantity=Decimal("12.3456"),
        price=price,
        reference_price=price,
        fee=Decimal("0.123456789012345678"),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=at,
    )


class EveryCandle:
    """Books and marks candle by candle, as the service does."""

    def __init__(self):
        self.holdings = {symbol: flat(symbol) for symbol in SYMBOLS}
        self.cash = OPENING
        self.watermark = opening_watermark(OPENING)

    def book(self, one):
        self.holdings[one.symbol] = book(self.holdings[one.symbol], booking_of(one, None)).holding
        self.cash = exact(MONEY.add(self.cash, flow_of(one).quote))

    def mark(self, prices, at):
        positions = tuple(
            self.holdings[symbol].position
            for symbol in SYMBOLS
            if self.holdings[symbol].position.opened_at
            or self.holdings[symbol].position.realized_pnl
        )
        holdings = Holdings(account=ACCOUNT, cash=self.cash, positions=positions)
        marked = mark(holdings, prices, self.watermark, at)
        self.watermark = watermark_of(marked)
        return marked


@settings(deadline=None, max_examples=150)
@given(stories())
def test_skipping_marks_what_the_service_marks(story):
    data, trades, looks, seed = story
    market = Market(data, Interval.H1)
    account, service = Account(market, ACCOUNT, OPENING), EveryCandle()
    random = np.random.default_rng(seed)
    expected_curve = []
    for at in range(len(market)):
        now = market.closed_at(at)
        known = {
            symbol: market.price(symbol, at)
            for symbol in SYMBOLS
            if np.isfinite(market.closes[symbol][at])
        }
        if trades[at]:
            symbol = SYMBOLS[random.integers(2)]
            if symbol in known:
                held = service.holdings[symbol].position.is_open
                one = fill(at, symbol, Side.SELL if held else Side.BUY, known[symbol], now)
                account.book(one, None, at)
                service.book(one)
        expected = service.mark(known, now)
        expected_curve.append(float(expected.equity))
        if looks[at] or at == len(market) - 1:
            assert account.mark(at) == expected
    curve = account.curve()
    np.testing.assert_allclose(curve.equity[1:], expected_curve, rtol=1e-12)
    assert len(account.trips) == sum(trip.closed_at is not None for trip in account.trips)


@settings(deadline=None, max_examples=150)
@given(
    stories(), st.sampled_from(["0.002", "0.01", "0.9"]), st.sampled_from(["0.001", "0.01", "0.9"])
)
def test_the_first_fall_is_the_one_that_every_mark_would_find(story, drawdown, day_loss):
    market = Market(story[0], Interval.H1)
    skipping, marking = (Account(market, ACCOUNT, OPENING) for _ in range(2))
    begun = int(np.flatnonzero(np.isfinite(market.closes[SYMBOLS[0]]))[0])
    bought = fill(1, SYMBOLS[0], Side.BUY, market.price(SYMBOLS[0], begun), market.closed_at(begun))
    for account in (skipping, marking):
        account.book(bought, None, begun)
    expected = None
    for at in range(begun, len(market)):
        marked = marking.mark(at)
        lost = 1 - marked.equity / marked.day_start_equity
        if marked.drawdown_ratio >= Decimal(drawdown) or lost >= Decimal(day_loss):
            expected = at
            break
    assert skipping.first_fall(len(market) - 1, float(drawdown), float(day_loss)) == expected


def test_a_flat_market_with_thousands_of_equal_peaks_is_no_trouble():
    market = Market({SYMBOLS[0]: arrays([100.0] * 5000, range(5000))}, Interval.H1)
    account = Account(market, ACCOUNT, OPENING)
    account.book(fill(0, SYMBOLS[0], Side.BUY, Decimal(100), market.closed_at(0)), None, 0)
    marked = account.mark(4999)
    assert marked.peak_equity == OPENING
    assert marked.equity == OPENING - Decimal("0.123456789012345678")


@pytest.mark.parametrize(
    ("start", "stop", "target", "expected"),
    [(0, "90", "104", 3), (0, "98.01", "110", 2), (3, "97.5", "110", 4), (0, "1", "1000", 5)],
)
def test_every_touch_is_found_and_only_touches(start, stop, target, expected):
    close = np.array([100.0, 101.0, 99.0, 103.0, 98.0])
    market = Market({SYMBOLS[0]: arrays(close, range(5))}, Interval.H1)
    bracket = Bracket(
        stop=Price(Decimal(stop)), target=Price(Decimal(target)), horizon_at=market.closed_at(0)
    )
    assert market.next_touch(SYMBOLS[0], bracket, start, 5) == expected
    assert market.next_touch(SYMBOLS[0], bracket, start, 2) == 2


def test_candles_keep_the_decimals_a_person_would_read():
    market = Market({SYMBOLS[0]: arrays([0.1, 42000.12], range(2))}, Interval.H1)
    candle = market.candle(SYMBOLS[0], 1)
    assert candle.close == Decimal("42000.12")
    assert candle.closed_at - candle.open_at == timedelta(hours=1)
    assert to_decimal(0.1) == market.price(SYMBOLS[0], 0)
