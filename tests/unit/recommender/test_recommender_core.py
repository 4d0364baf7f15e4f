"""What is proposed, given the signals of a candle and the account as it stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.core.book import Book, Policy, Position, changed, filled, follow
from recommender.core.exits import recommend_exit
from recommender.core.manual import Wish, propose
from recommender.core.proposal import Hold, HoldReason, decide, recommend
from recommender.core.status import RecommendationStatus, before, of_order
from shared.domain.bracket import BracketPlan
from shared.domain.enums import (
    Action,
    ExitReason,
    Interval,
    Liquidity,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TradingState,
)
from shared.domain.errors import BadInput, Conflict, Refused
from shared.domain.events import PositionChanged
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import recommendation_id
from shared.domain.signal import Signal, signal_id

NOW = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy(account="mock-main", interval=Interval.H1)
PLAN = BracketPlan(stop_ratio=0.02, target_ratio=0.03, horizon_candles=24)
BTC, ETH, SOL = "BTC-USDT", "ETH-USDT", "SOL-USDT"
D = Decimal


def signal(symbol=BTC, action=Action.BUY, closed_at=NOW):
    return Signal(
        signal_id=signal_id("combined", symbol, Interval.H1, closed_at),
        source="combined",
        symbol=symbol,
        interval=Interval.H1,
        closed_at=closed_at,
        expires_at=closed_at + HOUR,
        action=action,
        confidence=0.7,
        price=D(100),
        bracket=PLAN,
    )


def held(symbol=BTC, quantity="2", horizon_at=None):
    return {symbol: Position(symbol=symbol, quantity=D(quantity), horizon_at=horizon_at)}


def order(status=OrderStatus.FILLED, purpose=Purpose.ENTRY, decided_at=NOW, filled_quantity="2"):
    side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
    return OrderSnapshot(
        client_order_id="c",
        decision_id="d",
        recommendation_id="r",
        account="mock-main",
        venue="synthetic",
        symbol=BTC,
        interval=Interval.H1,
        side=side,
        purpose=purpose,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=D(2),
        price=D(100),
        limit_price=D(101),
        filled_quantity=D(filled_quantity),
        status=status,
        decided_at=decided_at,
        updated_at=decided_at + HOUR,
        bracket=PLAN if purpose is Purpose.ENTRY else None,
    )


def fill(quantity="1", filled_at=NOW + HOUR, purpose=Purpose.ENTRY):
    return Fill(
        trade_id="t",
        client_order_id="c",
        account="mock-main",
        venue="synthetic",
        symbol=BTC,
        side=Side.BUY,
        purpose=purpose,
        quantity=D(quantity),
        price=D(100),
        reference_price=D(100),
        fee=D(0),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=filled_at,
    )


def portfolio_says(quantity, changed_at):
    return PositionChanged(
        account="mock-main",
        symbol=BTC,
        quantity=D(quantity),
        average_cost=D(100),
        realized_pnl=D(0),
        changed_at=changed_at,
        trade_id="t",
    )


def test_a_buy_on_a_flat_account_is_an_entry_at_the_close():
    one = recommend(signal(), Book(positions={}), POLICY)
    assert not isinstance(one, Hold)
    assert (one.side, one.purpose, one.price) == (Side.BUY, Purpose.ENTRY, D(100))
    assert one.bracket == PLAN
    assert one.expires_at == NOW + HOUR
    assert one.quantity is None
    assert one.recommendation_id == recommendation_id("mock-main", BTC, NOW, Side.BUY)


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        (Book(positions=held()), HoldReason.POSITION_HELD),
        (Book(positions=held(quantity="0")), HoldReason.POSITION_HELD),
        (Book(positions={}, entries={BTC}), HoldReason.ORDER_WORKING),
        (Book(positions={}, exits={BTC}), HoldReason.ORDER_WORKING),
        (Book(positions={}, state=TradingState.REDUCE), HoldReason.NOT_RUNNING),
        (Book(positions={}, state=TradingState.HALT), HoldReason.NOT_RUNNING),
    ],
)
def test_an_entry_needs_a_flat_account_with_nothing_under_way(book, reason):
    assert recommend(signal(), book, POLICY) == Hold(reason=reason)


@pytest.mark.parametrize("action", [Action.SELL, Action.HOLD])
def test_only_a_buy_enters(action):
    assert recommend(signal(action=action), Book(positions={}), POLICY) == Hold(
        reason=HoldReason.NO_BUY
    )


@pytest.mark.parametrize(
    ("minutes", "action", "reason"),
    [
        (-60, Action.HOLD, ExitReason.HORIZON),
        (0, Action.BUY, ExitReason.HORIZON),
        (0, Action.SELL, ExitReason.HORIZON),
        (1, Action.HOLD, None),
        (1, Action.SELL, ExitReason.OPPOSITE_SIGNAL),
        (None, Action.SELL, ExitReason.OPPOSITE_SIGNAL),
        (None, Action.HOLD, None),
    ],
)
def test_a_position_is_left_at_its_horizon_or_when_the_signal_turns(minutes, action, reason):
    horizon = None if minutes is None else NOW + timedelta(minutes=minutes)
    one = recommend_exit(signal(action=action), Book(positions=held(horizon_at=horizon)), POLICY)
    assert (None if one is None else one.exit_reason) == reason
    if one is not None:
        assert one.is_reduce_only
        assert (one.side, one.quantity, one.bracket) == (Side.SELL, D(2), None)


def test_no_second_exit_while_one_is_under_way_and_none_while_halted():
    selling = signal(action=Action.SELL)
    assert recommend_exit(selling, Book(positions=held(), exits={BTC}), POLICY) is None
    assert recommend_exit(selling, Book(positions=held(), state=TradingState.HALT), POLICY) is None
    assert recommend_exit(selling, Book(positions=held(), state=TradingState.REDUCE), POLICY)


def test_exits_come_before_entries_and_both_by_instrument():
    book = Book(positions=held(SOL) | held(ETH))
    signals = [signal(BTC), signal(SOL, Action.SELL), signal(ETH, Action.SELL), signal("ADA-USDT")]
    decided = [(one.symbol, one.purpose) for one in decide(signals, book, POLICY)]
    assert decided == [
        (ETH, Purpose.EXIT),
        (SOL, Purpose.EXIT),
        ("ADA-USDT", Purpose.ENTRY),
        (BTC, Purpose.ENTRY),
    ]


symbols = st.sampled_from([BTC, ETH, SOL, "XRP-USDT"])
books = st.builds(
    Book,
    positions=st.dictionaries(symbols, st.sampled_from(["0", "1", "2.5"])).map(
        lambda kept: {
            symbol: Position(symbol=symbol, quantity=D(quantity))
            for symbol, quantity in kept.items()
        }
    ),
    entries=st.frozensets(symbols),
    exits=st.frozensets(symbols),
    state=st.sampled_from(TradingState),
)
shards = st.dictionaries(symbols, st.sampled_from(Action)).map(
    lambda kept: [signal(symbol, action) for symbol, action in kept.items()]
)


@given(shards, books, st.randoms())
def test_a_decision_is_a_function_of_signals_and_book_alone(signals, book, chance):
    decided = decide(signals, book, POLICY)
    shuffled = list(signals)
    chance.shuffle(shuffled)
    assert decide(shuffled, book, POLICY) == decided
    assert len({one.symbol for one in decided}) == len(decided)
    assert decide(signals, book.after(decided), POLICY) == ()
    for one in decided:
        if one.purpose is Purpose.EXIT:
            assert one.quantity == book.positions[one.symbol].quantity > 0
        else:
            assert one.symbol not in book.positions
            assert book.state is TradingState.RUN


def test_the_horizon_counts_from_the_close_the_entry_was_decided_on():
    position = filled(None, order(), fill("0.5"))
    assert position.horizon_at == NOW + 24 * HOUR
    assert position.opened_at == NOW + HOUR
    more = filled(position, order(), fill("0.5", NOW + 2 * HOUR))
    assert (more.opened_at, more.quantity) == (NOW + HOUR, D(1))
    booked = changed(more, portfolio_says("0.999", NOW + 2 * HOUR))
    assert booked == replace(more, quantity=D("0.999"))
    assert changed(booked, portfolio_says("0", NOW + 9 * HOUR)) is None


def test_a_late_word_about_an_earlier_holding_does_not_erase_the_new_one():
    position = filled(None, order(decided_at=NOW + 5 * HOUR), fill(filled_at=NOW + 6 * HOUR))
    kept = changed(position, portfolio_says("0", NOW + 4 * HOUR))
    assert kept is not None
    assert kept.horizon_at == position.horizon_at


def test_an_exit_never_leaves_less_than_nothing():
    position = filled(held()[BTC], order(purpose=Purpose.EXIT), fill("3"))
    assert position.quantity == 0


def test_an_order_that_has_ended_stays_ended():
    ended = follow(None, order(OrderStatus.CANCELED))
    assert not ended.is_open
    assert not follow(ended, order(OrderStatus.OPEN)).is_open
    assert follow(None, order(OrderStatus.UNKNOWN)).is_open


@pytest.mark.parametrize("facts", list(permutations([OrderStatus.ABSENT, OrderStatus.OPEN])))
def test_an_order_taken_for_absent_that_returns_is_open_again(facts):
    known = None
    for status in facts:
        known = follow(known, order(status, filled_quantity="0"))
    assert known is not None
    assert known.is_open
    assert of_order(known.status, known.filled_quantity) == "submitted"


def test_a_fee_out_of_the_base_is_not_held():
    bought = filled(None, order(), replace(fill("1"), fee=D("0.001"), fee_asset="BTC"))
    assert bought.quantity == D("0.999")
    sold = filled(bought, order(purpose=Purpose.EXIT), replace(fill("0.5"), fee_asset="BNB"))
    assert sold.quantity == D("0.499")


@pytest.mark.parametrize(
    ("status", "quantity", "expected"),
    [
        (OrderStatus.SENDING, "0", "submitted"),
        (OrderStatus.PARTIAL, "1", "submitted"),
        (OrderStatus.UNKNOWN, "0", "submitted"),
        (OrderStatus.FILLED, "2", "filled"),
        (OrderStatus.CANCELED, "1", "filled"),
        (OrderStatus.CANCELED, "0", "canceled"),
        (OrderStatus.REJECTED, "0", "rejected"),
        (OrderStatus.NOT_SENT, "0", "expired"),
        (OrderStatus.ABSENT, "0", "expired"),
        (OrderStatus.EXPIRED, "0", "expired"),
    ],
)
def test_the_order_says_what_became_of_the_recommendation(status, quantity, expected):
    assert of_order(status, D(quantity)) == expected


@given(st.lists(st.sampled_from(RecommendationStatus), max_size=6))
def test_a_recommendation_only_moves_on(steps):
    status = RecommendationStatus.ISSUED
    visited = [status]
    for step in steps:
        if status in before(step):
            status = step
            visited.append(step)
    assert len(set(visited)) == len(visited) <= 5


def wish(purpose=Purpose.ENTRY, quantity=None):
    bracket = PLAN if purpose is Purpose.ENTRY else None
    return Wish(
        key="k",
        symbol=BTC,
        purpose=purpose,
        price=D(100),
        bracket=bracket,
        quantity=None if quantity is None else D(quantity),
    )


@pytest.mark.parametrize(
    ("wanted", "book", "error"),
    [
        (wish(), Book(positions=held()), Conflict),
        (wish(), Book(positions={}, entries={BTC}), Conflict),
        (wish(), Book(positions={}, state=TradingState.REDUCE), Refused),
        (wish(Purpose.EXIT), Book(positions={}), Conflict),
        (wish(Purpose.EXIT), Book(positions=held(), exits={BTC}), Conflict),
        (wish(Purpose.EXIT), Book(positions=held(), state=TradingState.HALT), Refused),
        (wish(Purpose.EXIT, "2.1"), Book(positions=held()), BadInput),
    ],
)
def test_a_wish_is_held_against_the_same_book(wanted, book, error):
    with pytest.raises(error):
        propose(wanted, book, POLICY, NOW)


def test_a_wish_is_no_twin_of_the_pipelines_proposal():
    by_hand = propose(wish(), Book(positions={}), POLICY, NOW)
    assert by_hand.recommendation_id != recommendation_id("mock-main", BTC, NOW, Side.BUY)
    assert by_hand.source == "manual"
    leaving = propose(wish(Purpose.EXIT), Book(positions=held()), POLICY, NOW)
    assert (leaving.quantity, leaving.exit_reason) == (D(2), ExitReason.MANUAL)


def test_what_is_too_small_to_sell_is_neither_left_nor_in_the_way_of_an_entry():
    policy = Policy(account="mock-main", interval=Interval.H1, lots={BTC: D("0.01")})
    dust = Book(positions=held(quantity="0.009", horizon_at=NOW))
    assert recommend_exit(signal(action=Action.SELL), dust, policy) is None
    assert not isinstance(recommend(signal(), dust, policy), Hold)
    one_lot = Book(positions=held(quantity="0.01", horizon_at=NOW))
    assert recommend_exit(signal(action=Action.SELL), one_lot, policy) is not None
    assert isinstance(recommend(signal(), one_lot, policy), Hold)
