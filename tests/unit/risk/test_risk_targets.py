"""What a person's target weight may have: sized by its quantity, cut by every cap, refused alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import Book
from risk.core.holding import Holding
from risk.core.limits import Costs, RiskLimits
from risk.core.review import Terms, review, review_group
from shared.domain.enums import Interval, Purpose, Side, TradingState
from shared.domain.instrument import Instrument
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.verdict import Approved, Denied
from tests.builders import markets

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
BTC, ETH = "BTC-USDT", "ETH-USDT"
INSTRUMENTS = {
    symbol: Instrument(
        symbol=symbol, venue="synthetic", base=symbol[:3], quote="USDT", tick_size=D("0.01"),
        lot_size=D("0.0001"), min_notional=D(5),
    )
    for symbol in (BTC, ETH)
}  # fmt: skip
LIMITS = RiskLimits(version=3)
TERMS = Terms(
    limits=LIMITS, costs=Costs(fee_ratio=0.001, slippage_ratio=0.0005), instruments=INSTRUMENTS
)
BOOK = Book(
    as_of=NOW, equity=D(10_000), cash=D(10_000), peak_equity=D(10_000), day_start_equity=D(10_000),
    markets=markets((BTC, ETH), at=NOW),
)  # fmt: skip


def target(quantity, symbol=BTC, price="100", **changes):
    one = Recommendation(
        recommendation_id=recommendation_id("mock-main", symbol, NOW, Side.BUY, "rebalance:1"),
        account="mock-main", symbol=symbol, interval=Interval.H1, side=Side.BUY,
        purpose=Purpose.ENTRY, decided_at=NOW, expires_at=NOW + timedelta(hours=1), price=D(price),
        source="rebalance", quantity=None if quantity is None else D(quantity), is_rebalance=True,
    )  # fmt: skip
    return replace(one, **changes)


def judged(one, book=BOOK, **limits):
    return review(one, book, replace(TERMS, limits=replace(LIMITS, **limits)), NOW)


def holding(quantity, symbol=BTC):
    return {symbol: Holding(symbol=symbol, quantity=D(quantity), price=D(100))}


def checks(verdict):
    assert isinstance(verdict, Denied), verdict
    return [breach.check for breach in verdict.breaches]


def test_a_target_gets_the_very_quantity_it_asks_for():
    verdict = judged(target("3.3333"))
    assert isinstance(verdict, Approved)
    assert verdict.quantity == D("3.3333")  # a third would lose its last lot as a float share
    assert (verdict.sizing.kind, verdict.bracket) == ("target", None)
    assert verdict.sizing.raw_ratio == verdict.sizing.capped_ratio == 0.033333


def test_a_cap_cuts_a_target_and_the_verdict_shows_by_how_much():
    verdict = judged(target("10"))
    assert isinstance(verdict, Approved)
    assert verdict.sizing.raw_ratio == 0.1
    assert verdict.sizing.capped_ratio == 0.05
    assert verdict.quantity < D(5)


def test_a_target_may_add_to_what_is_held_up_to_the_cap():
    book = replace(BOOK, positions=holding("2"))
    assert judged(target("2"), book).quantity == D(2)
    assert judged(target("4"), book).quantity == D("2.9820")  # 300 left at 100.5 with its fee
    entry = replace(target(None), is_rebalance=False)
    assert {"one_position", "bracket"} <= set(checks(judged(entry, book)))


@pytest.mark.parametrize("quantity", [None, "0", "-1", "NaN"])
def test_a_target_without_a_quantity_is_refused(quantity):
    assert set(checks(judged(target(quantity)))) & {"quantity", "estimates"}


def test_what_binds_an_entry_binds_a_target():
    assert "trading_state" in checks(judged(target("1"), replace(BOOK, state=TradingState.REDUCE)))
    assert "symbol_lock" in checks(judged(target("1"), replace(BOOK, locks={BTC: "looked at"})))
    assert "trades_per_day" in checks(judged(target("1"), max_trades_per_day=0))
    assert "drawdown" in checks(judged(target("1"), replace(BOOK, peak_equity=D(20_000))))
    assert "min_notional" in checks(judged(target("0.01")))
    assert "equity" in checks(judged(target("1"), replace(BOOK, equity=D(0))))


def test_targets_judged_together_share_the_room_there_is():
    verdicts = review_group(
        [target("4"), target("4", ETH)],
        BOOK,
        replace(TERMS, limits=replace(LIMITS, max_exposure_ratio=0.06)),
        NOW,
    )
    spent = sum(one.quantity * one.limit_price * D("1.001") for one in verdicts)
    assert D(500) < spent <= D(600)


@given(
    quantity=st.decimals("0.0001", "100000", places=4),
    held=st.decimals("0", "5", places=4),
    cash=st.decimals("0", "10000", places=2),
)
def test_no_target_ever_gets_more_than_asked_or_than_any_cap(quantity, held, cash):
    book = replace(BOOK, positions=holding(held), cash=cash)
    verdict = judged(target(quantity), book)
    if isinstance(verdict, Approved):
        worst = verdict.quantity * verdict.limit_price * D("1.001")
        assert verdict.quantity <= quantity
        assert worst + held * 100 <= D(500)
        assert worst <= cash
