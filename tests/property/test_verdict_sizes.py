"""What must hold of every size that risk approves, through the whole review."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from math import inf, nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import Book
from risk.core.exposure import count, keys_entered
from risk.core.holding import Holding
from risk.core.limits import Costs, RiskLimits
from risk.core.market import Correlations
from risk.core.reservation import Reservation
from risk.core.review import Terms, review, review_group
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Interval, Purpose, Side
from shared.domain.instrument import Instrument
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Confidence, Edge
from shared.domain.verdict import Approved, decision_id
from tests.builders import markets

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
BASES = ("ADA", "BTC", "DOT", "ETH", "SOL", "XRP")
SYMBOLS = tuple(f"{base}-USDT" for base in BASES)
BTC = "BTC-USDT"
INSTRUMENTS = {
    symbol: Instrument(
        symbol=symbol, venue="synthetic", base=base, quote="USDT", tick_size=D("0.01"),
        lot_size=D("0.0001"), min_notional=D(5),
    )
    for symbol, base in zip(SYMBOLS, BASES, strict=True)
}  # fmt: skip
VENUES = dict.fromkeys(SYMBOLS, "synthetic")
LIMITS = RiskLimits(version=1, min_barrier_costs=0.0)
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
BOOK = Book(
    as_of=NOW, equity=D(10_000), cash=D(10_000), peak_equity=D(10_000), day_start_equity=D(10_000),
    venues=VENUES, markets=markets(SYMBOLS, at=NOW),
)  # fmt: skip
EDGE = Edge(
    probability=0.62, probability_raw=0.62, neighbours=400.0, gross_win=0.03, gross_loss=0.02,
    barrier_ratio=0.03, reference_kelly=10.0, factors=Confidence(), confidence=1.0,
    release_id="r1",
)  # fmt: skip
ESTIMATES = (
    "probability", "probability_raw", "neighbours", "gross_win", "gross_loss", "barrier_ratio",
    "reference_kelly", "confidence",
)  # fmt: skip

probabilities = st.floats(0.01, 0.99)
gross = st.floats(0.002, 0.3)
ratios = st.floats(0.001, 1.0)
sources = st.sampled_from(["combined", "rule", ""])


def entry(symbol=BTC, edge=None, source="combined"):
    return Recommendation(
        recommendation_id=recommendation_id("mock-main", symbol, NOW, Side.BUY),
        account="mock-main", symbol=symbol, interval=Interval.H1, side=Side.BUY,
        purpose=Purpose.ENTRY, decided_at=NOW, expires_at=NOW + timedelta(hours=1), price=D(100),
        source=source, bracket=BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24),
        edge=edge,
    )  # fmt: skip


def bought(costs=COSTS, book=BOOK, **estimates):
    """Return the quantity approved, zero where it is denied."""
    terms = Terms(limits=LIMITS, costs=costs, instruments=INSTRUMENTS)
    verdict = review(entry(edge=replace(EDGE, **estimates)), book, terms, NOW)
    return verdict.quantity if isinstance(verdict, Approved) else D(0)


@given(p=probabilities, more=probabilities, win=gross, loss=gross, n=st.floats(0, 2_000))
def test_a_likelier_win_never_buys_less(p, more, win, loss, n):
    low, high = sorted((p, more))
    terms = {"gross_win": win, "gross_loss": loss, "neighbours": n}
    assert bought(probability=low, **terms) <= bought(probability=high, **terms)


@given(p=probabilities, win=gross, more=gross, loss=gross)
def test_a_larger_win_never_buys_less(p, win, more, loss):
    low, high = sorted((win, more))
    terms = {"probability": p, "gross_loss": loss}
    assert bought(gross_win=low, **terms) <= bought(gross_win=high, **terms)


@given(p=probabilities, win=gross, loss=gross, more=gross)
def test_a_larger_loss_never_buys_more(p, win, loss, more):
    low, high = sorted((loss, more))
    terms = {"probability": p, "gross_win": win}
    assert bought(gross_loss=high, **terms) <= bought(gross_loss=low, **terms)


@given(p=probabilities, win=gross, loss=gross, fee=st.floats(0, 0.02), more=st.floats(0, 0.02))
def test_a_higher_fee_never_buys_more(p, win, loss, fee, more):
    low, high = sorted((fee, more))
    terms = {"probability": p, "gross_win": win, "gross_loss": loss}
    dear, cheap = (Costs(fee_ratio=one, slippage_ratio=0.0005) for one in (high, low))
    assert bought(dear, **terms) <= bought(cheap, **terms)


@given(p=probabilities, win=gross, loss=gross, slip=st.floats(0, 0.02), more=st.floats(0, 0.02))
def test_more_slippage_never_buys_more(p, win, loss, slip, more):
    low, high = sorted((slip, more))
    terms = {"probability": p, "gross_win": win, "gross_loss": loss}
    rough, smooth = (Costs(fee_ratio=0.001, slippage_ratio=one) for one in (high, low))
    assert bought(rough, **terms) <= bought(smooth, **terms)


@given(doubt=st.floats(0, 1), more=st.floats(0, 1))
def test_more_confidence_never_buys_less(doubt, more):
    low, high = sorted((doubt, more))
    assert bought(confidence=low) <= bought(confidence=high)


def correlated(book, values):
    table = np.eye(len(SYMBOLS))
    for (one, other), value in zip(combinations(range(len(SYMBOLS)), 2), values, strict=True):
        table[one, other] = table[other, one] = value
    told = replace(book.markets, correlations=Correlations(SYMBOLS, table))
    return replace(book, markets=told)


@given(near=st.floats(-1, 0.89), nearer=st.floats(-1, 0.89))
def test_closer_company_never_buys_more(near, nearer):
    low, high = sorted((near, nearer))
    held = {s: Holding(symbol=s, quantity=D(1), price=D(100)) for s in ("ETH-USDT", "SOL-USDT")}
    apart, close = (
        correlated(replace(BOOK, positions=held), [one] * 15) for one in (low, high)
    )  # fmt: skip
    assert bought(book=close) <= bought(book=apart)


@given(
    broken=st.dictionaries(
        st.sampled_from(ESTIMATES), st.sampled_from([nan, inf, -inf]), min_size=1
    )
)
def test_what_is_no_number_buys_nothing_and_says_so(broken):
    terms = Terms(limits=LIMITS, costs=COSTS, instruments=INSTRUMENTS)
    verdict = review(entry(edge=replace(EDGE, **broken)), BOOK, terms, NOW)
    assert not isinstance(verdict, Approved)
    assert "estimates" in [one.check for one in verdict.breaches]
    assert verdict.sizing.quantity == 0


@st.composite
def books(draw):
    """Accounts in any state: held and promised by whom, fallen how far, correlated how."""
    quantities = st.decimals("0", "30", places=2)
    equity = draw(st.decimals("500", "20000", places=2))
    positions = {
        symbol: Holding(symbol=symbol, quantity=quantity, price=D(100), source=draw(sources))
        for symbol in draw(st.sets(st.sampled_from(SYMBOLS), max_size=3))
        if (quantity := draw(quantities))
    }
    promised = [
        Reservation(
            decision_id=decision_id(symbol), symbol=symbol, purpose=Purpose.ENTRY,
            quantity=draw(quantities), filled_quantity=D(0), unit_cost=D("100.6"),
            unit_loss=D("3.2"), source=draw(sources),
        )
        for symbol in draw(st.sets(st.sampled_from(SYMBOLS), max_size=3))
    ]  # fmt: skip
    book = replace(
        BOOK, equity=equity, peak_equity=equity, cash=draw(st.decimals("0", "20000", places=2)),
        day_start_equity=equity * draw(st.sampled_from([D(1), D("1.04"), D("0.9")])),
        positions=positions, reservations={one.decision_id: one for one in promised},
        trades_today=draw(st.integers(0, 4)), orders_this_minute=draw(st.integers(0, 4)),
    )  # fmt: skip
    return correlated(book, draw(st.lists(st.floats(-1, 1), min_size=15, max_size=15)))


@st.composite
def limits(draw):
    names = ("position", "symbol", "exposure", "source", "cluster", "venue", "day_loss")
    found = {f"max_{name}_ratio": draw(ratios) for name in names}
    return replace(
        LIMITS, **found, rule_based_ratio=draw(ratios), max_trades_per_day=draw(st.integers(0, 6)),
        max_orders_per_minute=draw(st.integers(0, 6)), max_drawdown_ratio=1.0,
        cluster_correlation=draw(st.floats(0, 1)),
    )  # fmt: skip


@given(
    book=books(),
    limits=limits(),
    wanted=st.lists(
        st.tuples(st.sampled_from(SYMBOLS), st.sampled_from([None, EDGE]), sources.filter(bool)),
        min_size=1,
        max_size=6,
    ),
)
def test_no_approval_ever_passes_a_cap(book, limits, wanted):
    terms = Terms(limits=limits, costs=COSTS, instruments=INSTRUMENTS)
    group = [entry(*one) for one in wanted]
    verdicts = review_group(group, book, terms, NOW)
    approved = [one for one in verdicts if isinstance(one, Approved)]
    after = book.after(approved, COSTS)
    keys = keys_entered([one.symbol for one in approved], after, limits, ())
    sourced = {one.source for one in approved}
    for counter in count(keys, after, limits) if approved else ():
        if counter.scope == "source" and counter.key not in sourced:
            continue
        assert counter.used <= counter.cap, counter
    assert not approved or after.reserved_total <= after.cash
    assert not approved or after.trades_today <= limits.max_trades_per_day
    assert not approved or after.orders_this_minute <= limits.max_orders_per_minute
    assert all(one.quantity > 0 for one in approved)
    denied = [one for one in verdicts if not isinstance(one, Approved)]
    assert all(one.breaches for one in denied)
