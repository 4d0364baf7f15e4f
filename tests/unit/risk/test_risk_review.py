"""The verdict: what is approved, how large, and every reason against."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import Book
from risk.core.holding import Holding
from risk.core.limits import Costs, RiskLimits
from risk.core.reservation import Reservation
from risk.core.review import Terms, review, review_group
from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side, TradingState
from shared.domain.instrument import Instrument
from shared.domain.kelly import (
    breakeven_probability,
    kelly_two_point,
    net_return_long,
    probability_lower_bound,
)
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Confidence, Edge
from shared.domain.verdict import Approved, Denied, decision_id
from tests.builders import markets

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = "mock-main"
BASES = ("BTC", "ETH", "SOL", "XRP", *(f"C{number}" for number in range(30)))
SYMBOLS = [f"{base}-USDT" for base in BASES]
BTC, ETH = SYMBOLS[:2]
INSTRUMENTS = {
    symbol: Instrument(
        symbol=symbol, venue="synthetic", base=base, quote="USDT", tick_size=D("0.01"),
        lot_size=D("0.0001"), min_notional=D(5),
    )
    for symbol, base in zip(SYMBOLS, BASES, strict=True)
}  # fmt: skip
LIMITS = RiskLimits(version=7)
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
TERMS = Terms(limits=LIMITS, costs=COSTS, instruments=INSTRUMENTS)
BOOK = Book(
    as_of=NOW, equity=D(10_000), cash=D(10_000), peak_equity=D(10_000), day_start_equity=D(10_000),
    markets=markets(SYMBOLS, at=NOW),
)  # fmt: skip
PLAN = BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24)
EDGE = Edge(
    probability=0.62, probability_raw=0.65, neighbours=400.0, gross_win=0.03, gross_loss=0.02,
    barrier_ratio=0.03, reference_kelly=6.0, factors=Confidence(age=0.8), confidence=0.8,
    release_id="r1",
)  # fmt: skip


def entry(symbol=BTC, edge=None, price="100", **changes):
    one = Recommendation(
        recommendation_id=recommendation_id(ACCOUNT, symbol, NOW, Side.BUY), account=ACCOUNT,
        symbol=symbol, interval=Interval.H1, side=Side.BUY, purpose=Purpose.ENTRY, decided_at=NOW,
        expires_at=NOW + HOUR, price=D(price), source="combined", bracket=PLAN, edge=edge,
    )  # fmt: skip
    return replace(one, **changes)


def leaving(symbol=BTC, quantity="1", price="100", **changes):
    one = Recommendation(
        recommendation_id=recommendation_id(ACCOUNT, symbol, NOW, Side.SELL), account=ACCOUNT,
        symbol=symbol, interval=Interval.H1, side=Side.SELL, purpose=Purpose.EXIT, decided_at=NOW,
        expires_at=NOW + HOUR, price=D(price), source="combined", quantity=D(quantity),
        exit_reason=ExitReason.HORIZON,
    )  # fmt: skip
    return replace(one, **changes)


def holding(symbol=BTC, quantity="1", price="100"):
    return {symbol: Holding(symbol=symbol, quantity=D(quantity), price=D(price))}


def promised(symbol=ETH, quantity="1", unit_cost="100", purpose=Purpose.ENTRY):
    one = Reservation(
        decision_id=decision_id(f"{symbol}{purpose}"), symbol=symbol, purpose=purpose,
        quantity=D(quantity), filled_quantity=D(0), unit_cost=D(unit_cost),
    )  # fmt: skip
    return {one.decision_id: one}


def judged(one, book=BOOK, now=NOW, **limits):
    return review(one, book, replace(TERMS, limits=replace(LIMITS, **limits)), now)


def checks(verdict):
    assert isinstance(verdict, Denied), verdict
    return [breach.check for breach in verdict.breaches]


def test_an_entry_by_rule_gets_its_fixed_share_within_the_cap_at_the_worst_price():
    verdict = judged(entry())
    assert isinstance(verdict, Approved)
    assert verdict.limit_price == D("100.5")
    assert verdict.quantity == D("4.9701")  # 500 / (100.5 * 1.001), in whole lots
    assert verdict.quantity * verdict.limit_price * D("1.001") <= D(500)
    assert verdict.notional == D("497.01")
    assert verdict.sizing.kind == "fixed"
    assert verdict.sizing.capped_ratio == 0.05
    assert (verdict.limits_version, verdict.bracket) == (7, PLAN)
    assert verdict.decision_id == decision_id(verdict.recommendation_id)


@pytest.mark.parametrize(
    "one",
    [
        entry(price="99999999999999999999"),
        leaving(price="99999999999999999999", quantity="2"),
        entry(edge=EDGE, price="9e300"),
    ],
)
def test_amounts_no_book_can_hold_are_a_breach(one):
    verdict = judged(one, replace(BOOK, positions=holding(quantity="2")))
    assert "amounts" in checks(verdict)


def test_an_exit_promises_nothing_whatever_its_price():
    book = replace(BOOK, positions=holding())
    left = leaving(price="99999999999999999999")
    assert isinstance(judged(left, book, exit_collar_bps=0), Approved)


def test_a_smaller_share_is_measured_at_the_price_decided_on():
    assert judged(entry(), rule_based_ratio=0.02).quantity == D(2)


def test_an_edge_is_sized_step_by_step():
    verdict = judged(entry(edge=EDGE))
    assert isinstance(verdict, Approved)
    sizing = verdict.sizing
    win = net_return_long(0.03, 0.001, 0.0005)
    loss = -net_return_long(-0.02, 0.001, 0.0005)
    breakeven = breakeven_probability(win, loss)
    used = probability_lower_bound(0.62, 400, 0.2, breakeven, 100)
    full = kelly_two_point(used, win, loss)
    assert (sizing.net_win, sizing.net_loss) == (win, loss)
    assert (sizing.breakeven_probability, sizing.probability_used) == (breakeven, used)
    assert (sizing.probability_raw, sizing.probability) == (0.65, 0.62)
    assert sizing.kelly_full == full
    assert sizing.kelly_fraction == pytest.approx(0.05 / 6)
    assert sizing.raw_ratio == pytest.approx(0.05 / 6 * full * 0.8)
    assert sizing.correlation_haircut == 1.0
    assert sizing.capped_ratio == min(sizing.raw_ratio, 0.05)
    assert sizing.quantity == verdict.quantity
    assert sizing.notional == verdict.notional


def test_company_shrinks_an_edge():
    alone = judged(entry(edge=EDGE)).sizing
    beside = judged(entry(edge=EDGE), replace(BOOK, positions=holding(ETH))).sizing
    assert beside.correlation_haircut == pytest.approx(1 / 1.3)
    assert beside.raw_ratio == alone.raw_ratio
    assert beside.capped_ratio == pytest.approx(min(alone.raw_ratio / 1.3, 0.05))
    together = review_group([entry(edge=EDGE), entry(ETH, edge=EDGE)], BOOK, TERMS, NOW)
    assert {one.sizing.correlation_haircut for one in together} == {1 / 1.3}
    assert together[0].quantity == together[1].quantity


def test_those_that_cannot_be_taken_anyway_do_not_shrink_the_others():
    book = replace(BOOK, locks={ETH: "fork"})
    alone, locked = review_group([entry(edge=EDGE), entry(ETH, edge=EDGE)], book, TERMS, NOW)
    assert alone.sizing.correlation_haircut == 1.0
    assert checks(locked) == ["symbol_lock"]
    assert locked.sizing.quantity > 0


def test_entries_share_what_room_is_left_alike():
    book = replace(BOOK, cash=D(3_000), positions=holding("XRP-USDT", "70"))
    verdicts = review_group([entry(symbol) for symbol in SYMBOLS[:3]], book, TERMS, NOW)
    assert len({one.quantity for one in verdicts}) == 1
    worst = sum(one.quantity * one.limit_price * D("1.001") for one in verdicts)
    assert D(999) < worst <= D(1_000)


def test_many_entries_together_stay_within_every_cap():
    verdicts = review_group([entry(symbol) for symbol in SYMBOLS], BOOK, TERMS, NOW)
    assert all(isinstance(one, Approved) for one in verdicts)
    worst = [one.quantity * one.limit_price * D("1.001") for one in verdicts]
    assert max(worst) <= 500
    assert D(7_990) < sum(worst) <= D(8_000)


@given(
    ratio=st.floats(0.0005, 0.2),
    price=st.decimals("0.05", "90000", places=2),
    equity=st.decimals("1", "1000000", places=2),
    held=st.decimals("0", "1", places=4),
    count=st.integers(1, len(SYMBOLS)),
)
def test_no_group_is_ever_promised_more_than_the_caps(ratio, price, equity, held, count):
    book = replace(
        BOOK,
        equity=equity,
        peak_equity=equity,
        cash=equity * (1 - held),
        positions=holding("C29-USDT", "1", equity * held) if held else {},
    )
    limits = replace(LIMITS, rule_based_ratio=ratio)
    group = [entry(symbol, price=price) for symbol in SYMBOLS[:count]]
    verdicts = review_group(group, book, replace(TERMS, limits=limits), NOW)
    worst = [
        one.quantity * one.limit_price * D("1.001") for one in verdicts if isinstance(one, Approved)
    ]
    assert all(0 < one <= limits.position_cap(equity) for one in worst)
    assert not worst or sum(worst) + book.exposure <= limits.exposure_cap(equity)
    assert not worst or sum(worst) <= book.cash
    assert all(one.breaches for one in verdicts if isinstance(one, Denied))


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        (replace(EDGE, probability=0.40), ["edge", "probability_margin"]),
        (replace(EDGE, neighbours=5.0), ["edge", "probability_margin"]),
        (replace(EDGE, barrier_ratio=0.029), ["cost_barrier"]),
        (replace(EDGE, confidence=0.0), ["confidence"]),
        (replace(EDGE, reference_kelly=0.0), ["reference_kelly"]),
        (replace(EDGE, gross_win=0.001), ["edge", "probability_margin"]),
        (replace(EDGE, gross_loss=-0.5), ["estimates"]),
        (replace(EDGE, probability=1.2), ["estimates"]),
        (replace(EDGE, neighbours=1e307), ["estimates"]),
    ],
)
def test_a_belief_that_deserves_nothing_is_refused_with_its_reasons(edge, expected):
    verdict = judged(entry(edge=edge))
    assert checks(verdict) == expected
    assert verdict.sizing.raw_ratio == 0
    assert verdict.sizing.quantity == 0


@pytest.mark.parametrize(
    "name",
    [
        "probability", "probability_raw", "neighbours", "gross_win", "gross_loss",
        "barrier_ratio", "reference_kelly", "confidence",
    ],
)  # fmt: skip
def test_an_estimate_that_is_not_a_number_is_refused(name):
    verdict = judged(entry(edge=replace(EDGE, **{name: nan})))
    assert checks(verdict) == ["estimates"]
    values = (getattr(verdict.sizing, field) for field in verdict.sizing.__dataclass_fields__)
    assert all(value == value for value in values)  # noqa: PLR0124 - only nan differs from itself


@pytest.mark.parametrize("factor", [nan, -0.1, 1.1])
def test_a_factor_of_the_confidence_that_is_none_is_refused(factor):
    verdict = judged(entry(edge=replace(EDGE, factors=Confidence(live=factor))))
    assert checks(verdict) == ["estimates"]
    assert verdict.sizing.factors.live == (factor if factor == factor else 0.0)  # noqa: PLR0124


@pytest.mark.parametrize(
    ("one", "book", "now", "limits", "expected"),
    [
        (entry(), replace(BOOK, state=TradingState.HALT), NOW, {}, "trading_state"),
        (entry(), replace(BOOK, state=TradingState.REDUCE), NOW, {}, "trading_state"),
        (entry("DOGE-USDT"), BOOK, NOW, {}, "instrument"),
        (entry(price="0"), BOOK, NOW, {}, "price"),
        (entry(side=Side.SELL), BOOK, NOW, {}, "direction"),
        (entry(), BOOK, NOW + HOUR, {}, "expired"),
        (entry(expires_at=NOW + 9 * HOUR), BOOK, NOW + 2 * HOUR, {}, "price_age"),
        (entry(), replace(BOOK, as_of=NOW - 2 * HOUR), NOW, {}, "book_age"),
        (entry(), replace(BOOK, as_of=None), NOW, {}, "book_age"),
        (entry(), replace(BOOK, equity=D(7_900)), NOW, {}, "drawdown"),
        (entry(), replace(BOOK, trades_today=200), NOW, {}, "trades_per_day"),
        (entry(), BOOK, NOW, {"max_trades_per_day": 0}, "trades_per_day"),
        (entry(), replace(BOOK, locks={BTC: "fork"}), NOW, {}, "symbol_lock"),
        (entry(), replace(BOOK, reservations=promised(BTC)), NOW, {}, "working_order"),
        (entry(), replace(BOOK, positions=holding()), NOW, {}, "one_position"),
        (entry(bracket=None), BOOK, NOW, {}, "bracket"),
        (entry(), replace(BOOK, positions=holding(ETH, "80")), NOW, {}, "exposure_ratio"),
        (entry(), replace(BOOK, reservations=promised(ETH, "80")), NOW, {}, "exposure_ratio"),
        (entry(), replace(BOOK, cash=D(4)), NOW, {}, "cash_available"),
        (entry(), BOOK, NOW, {"rule_based_ratio": 0.0004}, "min_notional"),
        (entry(price="9000000"), BOOK, NOW, {}, "position_ratio"),
    ],
)  # fmt: skip
def test_an_entry_is_denied_for_each_reason(one, book, now, limits, expected):
    verdict = judged(one, book, now, **limits)
    assert expected in checks(verdict)
    assert all(breach.remedy and breach.limit and breach.value for breach in verdict.breaches)


def test_what_is_too_small_to_sell_is_neither_left_nor_in_the_way_of_an_entry():
    dust = replace(BOOK, positions=holding(BTC, "0.000001"))
    assert isinstance(judged(entry(), dust), Approved)
    assert checks(judged(leaving(), dust)) == ["nothing_to_leave"]


def test_a_denial_names_every_breach_with_its_headroom():
    book = replace(BOOK, positions=holding(ETH, "79.98"), trades_today=200, locks={BTC: "fork"})
    verdict = judged(entry(), book)
    assert checks(verdict) == [
        "trades_per_day", "symbol_lock", "exposure_ratio", "venue_ratio", "min_notional",
    ]  # fmt: skip
    breach = next(one for one in verdict.breaches if one.check == "exposure_ratio")
    assert breach.limit == "8000"
    assert breach.headroom == "2"
    assert D(breach.value) > 8000


def test_what_one_is_promised_the_next_cannot_have():
    verdicts = review_group([entry(), entry()], BOOK, TERMS, NOW)
    assert isinstance(verdicts[0], Approved)
    assert "working_order" in checks(verdicts[1])
    limited = replace(TERMS, limits=replace(LIMITS, max_trades_per_day=2))
    group = [entry(symbol) for symbol in SYMBOLS[:4]]
    outcomes = review_group(group, BOOK, limited, NOW)
    assert [isinstance(one, Approved) for one in outcomes] == [True, True, False, False]


def test_an_exit_passes_whatever_the_limits_say():
    book = replace(
        BOOK, equity=D(1_000), as_of=None, trades_today=999, state=TradingState.REDUCE,
        cash=D(0), positions=holding(), locks={BTC: "fork"},
    )  # fmt: skip
    verdict = judged(leaving(), book)
    assert isinstance(verdict, Approved)
    assert (verdict.quantity, verdict.exit_reason) == (D(1), ExitReason.HORIZON)
    assert verdict.limit_price == D(95)
    assert verdict.sizing.kind == "exit"


@pytest.mark.parametrize(
    ("one", "book", "now", "expected"),
    [
        (leaving(), replace(BOOK, positions=holding(), state=TradingState.HALT), NOW,
         ["trading_state"]),
        (leaving(), BOOK, NOW, ["nothing_to_leave"]),
        (leaving(), replace(BOOK, positions=holding()), NOW + HOUR, ["expired"]),
        (leaving(side=Side.BUY), replace(BOOK, positions=holding()), NOW, ["direction"]),
        (leaving(quantity="0.00001"), replace(BOOK, positions=holding()), NOW, ["whole_lots"]),
        (leaving(), replace(BOOK, positions=holding(),
                            reservations=promised(BTC, purpose=Purpose.EXIT)), NOW,
         ["working_order"]),
    ],
)  # fmt: skip
def test_an_exit_is_denied_only_when_it_cannot_or_must_not_be(one, book, now, expected):
    assert checks(judged(one, book, now)) == expected


@pytest.mark.parametrize(
    ("held", "asked", "sold"),
    [
        ("1.23456", "1.23456", "1.2345"),  # whole lots
        ("0.03001", "0.03001", "0.03001"),  # below the venue's minimum, but all of it
        ("2", "0.5", "0.5"),
        ("2", "5", "2"),  # never more than is held
    ],
)
def test_an_exit_sells_whole_lots_unless_less_than_the_minimum_is_left(held, asked, sold):
    verdict = judged(leaving(quantity=asked), replace(BOOK, positions=holding(quantity=held)))
    assert verdict.quantity == D(sold)


def test_an_exit_may_follow_an_entry_still_at_work():
    book = replace(BOOK, positions=holding(), reservations=promised(BTC))
    assert isinstance(judged(leaving(), book), Approved)


def test_the_exits_of_a_group_free_no_room_before_they_fill():
    book = replace(BOOK, cash=D(2_000), positions=holding(ETH, "80"))
    first, second = review_group([leaving(ETH, "80"), entry()], book, TERMS, NOW)
    assert isinstance(first, Approved)
    assert "exposure_ratio" in checks(second)
