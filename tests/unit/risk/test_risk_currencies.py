"""Instruments paid in several quotes: cash of their own, caps in the currency of the account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import book_of
from risk.core.holding import Holding
from risk.core.limits import Costs, RiskLimits
from risk.core.market import Market, Markets
from risk.core.reservation import adopted, reservation
from risk.core.review import Terms, review
from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side
from shared.domain.events import CashMark, EquityMarked, ExternalOrder, PositionMark
from shared.domain.instrument import Instrument
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.verdict import Approved, Denied
from tests.builders import ORDER

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
SYMBOLS = ("BTC-USD", "BTC-USDT", "ETH-USDT")
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
TERMS = Terms(
    limits=RiskLimits(version=1),
    costs=COSTS,
    instruments={
        symbol: Instrument(
            symbol=symbol, venue="synthetic", base=symbol[:3], quote=symbol[4:],
            tick_size=D("0.01"), lot_size=D("0.0001"), min_notional=D(5),
        )
        for symbol in SYMBOLS
    },
)  # fmt: skip
PLAN = BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24)
KNOWN = Markets(
    by_symbol={symbol: Market(symbol=symbol, price=D(100), traded_at=NOW) for symbol in SYMBOLS}
)


def marked(usd="5000", usdt="5000", rate="1", positions=()):
    rate = None if rate is None else D(rate)
    held = sum((one.notional for one in positions), D(0))
    cash = D(usd) + (rate or 0) * D(usdt)
    return EquityMarked(
        account="mock-main", as_of=NOW, equity=cash + held, cash=cash, peak_equity=cash + held,
        day_start_equity=cash + held, drawdown_ratio=D(0), realized_pnl=D(0), unrealized_pnl=D(0),
        fees=D(0), positions=tuple(positions),
        cash_by_asset=(
            CashMark(asset="USD", amount=D(usd), rate=D(1)),
            CashMark(asset="USDT", amount=D(usdt), rate=rate),
        ),
    )  # fmt: skip


def book(**changes):
    return replace(book_of(marked(**changes)), markets=KNOWN)


def entry(symbol="ETH-USDT", **changes):
    one = Recommendation(
        recommendation_id=recommendation_id("mock-main", symbol, NOW, Side.BUY),
        account="mock-main", symbol=symbol, interval=Interval.H1, side=Side.BUY,
        purpose=Purpose.ENTRY, decided_at=NOW, expires_at=NOW + timedelta(hours=1), price=D(100),
        source="combined", bracket=PLAN,
    )  # fmt: skip
    return replace(one, **changes)


def judged(one, known, **limits):
    return review(one, known, replace(TERMS, limits=replace(TERMS.limits, **limits)), NOW)


def checks(verdict):
    assert isinstance(verdict, Denied), verdict
    return [breach.check for breach in verdict.breaches]


def test_an_entry_is_paid_from_the_cash_of_its_own_quote():
    rich_elsewhere = book(usd="10000", usdt="0")
    assert "cash_available" in checks(judged(entry(), rich_elsewhere))
    assert isinstance(judged(entry("BTC-USD"), rich_elsewhere), Approved)
    short = judged(entry(), book(usd="10000", usdt="100"))
    worst = short.quantity * short.limit_price * D("1.001")
    assert D(99) < worst <= D(100)  # cut to what there is of it


def test_a_size_is_a_share_of_all_there_is_at_what_the_quote_is_worth():
    alike = judged(entry(), book())
    cheap = judged(entry(), book(usd="7500", usdt="5000", rate="0.5"))
    assert (alike.sizing.equity, cheap.sizing.equity) == (D(10_000), D(10_000))
    assert cheap.quantity == pytest.approx(2 * alike.quantity, abs=D("0.0002"))
    assert (alike.sizing.quote_rate, cheap.sizing.quote_rate) == (D(1), D("0.5"))
    assert cheap.notional == cheap.quantity * 100  # in its own quote


def test_caps_and_promises_are_in_the_currency_of_the_account():
    approved = judged(entry(), book(usd="7500", usdt="5000", rate="0.5"))
    promised = reservation(approved, COSTS)
    assert promised.amount <= D(500)  # 5 % of it, though nearly 1000 USDT are spent
    assert approved.quantity * approved.limit_price > D(990)
    held = PositionMark(symbol="ETH-USDT", quantity=D(8), price=D(100), notional=D(400))
    known = book(usd="7500", usdt="4200", rate="0.5", positions=(held,))
    assert known.position("ETH-USDT") == D(400)
    assert known.position_total == D(400)
    other = entry(is_rebalance=True, quantity=D(10), bracket=None)
    assert judged(other, known).quantity < D(2)  # a hundred of the account are left


def test_what_is_promised_of_one_quote_leaves_the_other_alone():
    known = book(usd="300", usdt="9700")
    approved = judged(entry("BTC-USD"), known)
    after = known.after([approved], COSTS)
    assert after.reserved_for("ETH-USDT") == 0
    assert after.reserved_for("BTC-USD") == reservation(approved, COSTS).amount
    assert isinstance(judged(entry("ETH-USDT"), after), Approved)
    again = entry("BTC-USD", is_rebalance=True, quantity=D("1"), bracket=None)
    assert "cash_available" in checks(judged(again, after))


def test_a_quote_nobody_knows_the_worth_of_is_not_spent_and_what_is_held_may_leave():
    held = PositionMark(symbol="ETH-USDT", quantity=D(3), price=D(100), notional=D(0))
    unknown = book(rate=None, positions=(held,))
    assert unknown.position("ETH-USDT") == 0
    verdict = judged(entry(), unknown)
    assert "quote_value" in checks(verdict)
    (breach,) = (one for one in verdict.breaches if one.check == "quote_value")
    assert breach.value == "USDT has no price"
    leaving = entry(
        side=Side.SELL, purpose=Purpose.EXIT, bracket=None, quantity=D(3),
        exit_reason=ExitReason.MANUAL,
    )  # fmt: skip
    assert judged(leaving, unknown).quantity == D(3)


def test_nothing_is_added_while_a_part_of_the_account_has_no_known_worth():
    held = PositionMark(symbol="ETH-USDT", quantity=D(3), price=D(100), notional=D(0))
    verdict = judged(entry("BTC-USD"), book(rate=None, positions=(held,)))
    assert checks(verdict) == ["book_value"]
    (breach,) = verdict.breaches
    assert breach.value == "ETH-USDT in USDT, which has no price"
    assert "trade a pair that prices USDT" in breach.remedy
    assert isinstance(judged(entry("BTC-USD"), book(positions=(held,))), Approved)
    assert isinstance(judged(entry("BTC-USD"), book(rate=None)), Approved)  # nothing is in it


def test_what_is_promised_in_a_quote_of_unknown_worth_counts_as_much_as_what_is_held():
    promised = reservation(judged(entry(), book()), COSTS)
    unknown = replace(book(rate=None), reservations={promised.decision_id: promised})
    assert checks(judged(entry("BTC-USD"), unknown)) == ["book_value"]
    ended = replace(promised, filled_quantity=promised.quantity)
    over = replace(unknown, reservations={ended.decision_id: ended})
    assert isinstance(judged(entry("BTC-USD"), over), Approved)


def test_bitcoin_is_one_bet_whatever_it_is_paid_in():
    held = PositionMark(symbol="BTC-USD", quantity=D(4), price=D(100), notional=D(400))
    known = book(usd="4600", positions=(held,))
    verdict = judged(entry("BTC-USDT"), known)
    assert verdict.quantity * verdict.limit_price * D("1.001") <= D(100)


def test_an_order_only_the_venue_knew_is_promised_at_the_worth_of_its_quote():
    order = replace(ORDER, symbol="ETH-USDT", quantity=D(2), limit_price=D(100), bracket=None)
    assert adopted(order, COSTS, D("0.5")).amount == D("100.1")
    assert adopted(order, COSTS).amount == D("200.2")


def test_one_currency_needs_no_funds_and_judges_exactly_as_before():
    known = replace(marked(usdt="0", usd="10000"), cash_by_asset=())
    alone = replace(book_of(known), markets=KNOWN)
    several = book(usd="10000", usdt="0")
    one, other = judged(entry("BTC-USD"), alone), judged(entry("BTC-USD"), several)
    assert one == other
    assert not alone.funds
    assert Holding(symbol="BTC-USD", quantity=D(3), price=D("33.3")).notional == D("99.9")


@given(
    usdt=st.decimals("0", "20000", places=2),
    rate=st.decimals("0.01", "100", places=2),
    price=st.decimals("0.01", "5000", places=2),
)
def test_no_entry_passes_the_cash_of_its_quote_or_a_cap_of_the_account(usdt, rate, price):
    known = replace(book(usdt=str(usdt), rate=str(rate)), markets=Markets())
    verdict = judged(entry(price=price), known)
    if isinstance(verdict, Approved):
        spent = verdict.quantity * verdict.limit_price * D("1.001")
        assert spent <= usdt
        assert spent * rate <= known.equity / 20 * (1 + D("1e-12"))


def test_orders_of_others_count_at_the_worth_of_their_quote():
    from risk.core.external import value_external

    order = ExternalOrder(
        venue_order_id="v", symbol="ETH-USDT", side=Side.BUY, remaining=D(2), limit_price=D(100)
    )
    funds = book(rate="0.5").funds
    assert value_external([order], funds.prices("USD"), "USD").total == D(100)
