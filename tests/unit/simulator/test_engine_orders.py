"""What an order becomes at the simulated exchange."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from simulator.engine.clocks import ManualClock
from simulator.engine.ledger import ConservationBroken
from simulator.engine.model import Change, DuplicateIds, Refusal, Rejection, State
from tests.unit.simulator.engine_room import (
    BTC,
    PRICE,
    exchange,
    market,
    newest,
    order,
    resting,
    seconds,
    stop,
)

D = Decimal


def refused(one, asked):
    with pytest.raises(Refusal) as caught:
        one.submit(asked)
    return caught.value.rejection


def test_a_taker_pays_each_level_of_the_book_and_the_fee_on_top():
    one = exchange()
    one.set_price(BTC, PRICE, D("0.06"))
    asks = one.depth(BTC).asks
    bought = one.submit(order())
    assert bought.state is State.FILLED
    assert [(fill.price, fill.quantity) for fill in bought.executions] == [
        (asks[0][0], D("0.06")),
        (asks[1][0], D("0.04")),
    ]
    notional = bought.filled_notional
    assert bought.fees == {"USD": notional * D("0.006")}
    assert one.funds("main")["USD"].available == D(100_000) - notional * D("1.006")
    assert one.funds("main")["BTC"].available == D("2.1")


def test_a_house_that_takes_its_fee_from_what_is_received_gives_less_base():
    one = exchange(is_fee_in_received=True, taker_ratio=D("0.001"))
    bought = one.submit(order(quantity=D("0.1")))
    assert bought.fees == {"BTC": D("0.0001")}
    assert one.funds("main")["BTC"].available == D("2.0999")
    sold = one.submit(market("b", side=Side.SELL))
    assert list(sold.fees) == ["USD"]


def test_what_somebody_took_is_gone_until_the_book_is_new():
    clock = ManualClock()
    one = exchange(clock)
    one.set_price(BTC, PRICE, D("0.05"))
    best = one.depth(BTC).asks[0]
    one.submit(order(quantity=D("0.05")))
    assert one.depth(BTC).asks[0][0] > best[0]
    clock.go_on(seconds(5))
    assert one.depth(BTC).asks[0] == best


def test_an_ioc_order_fills_what_is_there_and_expires():
    one = exchange()
    one.set_price(BTC, PRICE, D("0.04"))
    best = one.depth(BTC).asks[0][0]
    left = one.submit(order(limit_price=best))
    assert (left.state, left.filled_quantity) == (State.EXPIRED, D("0.04"))
    assert one.funds("main")["USD"].held == 0


def test_a_fok_order_fills_whole_or_not_at_all():
    one = exchange()
    one.set_price(BTC, PRICE, D("0.04"))
    best = one.depth(BTC).asks[0][0]
    none = one.submit(order("a", limit_price=best, time_in_force=TimeInForce.FOK))
    assert (none.state, none.filled_quantity) == (State.EXPIRED, 0)
    whole = one.submit(order("b", time_in_force=TimeInForce.FOK))
    assert (whole.state, whole.filled_quantity) == (State.FILLED, D("0.1"))


def test_a_market_order_by_amount_spends_no_more_than_it_with_its_fee():
    one = exchange()
    bought = one.submit(market(quantity=None, quote_quantity=D(1_000)))
    assert bought.state is State.FILLED
    spent = D(100_000) - one.funds("main")["USD"].available
    assert D(999) < spent <= D(1_000)


def test_a_market_order_larger_than_the_book_takes_the_book_and_expires():
    one = exchange(funds={"BTC": D(100)})
    one.set_price(BTC, PRICE, D("0.1"))
    sold = one.submit(market(side=Side.SELL, quantity=D(50)))
    assert (sold.state, sold.filled_quantity) == (State.EXPIRED, D(1))


def test_a_resting_order_holds_its_cost_until_it_is_canceled():
    one = exchange()
    waiting = one.submit(resting())
    assert waiting.state is State.OPEN
    assert one.funds("main")["USD"].held == D("0.1") * D(64_350) * D("1.006")
    canceled = one.cancel("main", waiting.venue_order_id)
    assert canceled.state is State.CANCELED
    assert one.funds("main")["USD"].held == 0
    with pytest.raises(Refusal) as caught:
        one.cancel("main", waiting.venue_order_id)
    assert caught.value.rejection is Rejection.UNKNOWN_ORDER


def test_a_price_that_passes_a_resting_order_fills_it_as_maker_at_its_own_price():
    one = exchange()
    one.submit(resting())
    one.set_price(BTC, D(64_000))
    filled = newest(one)
    assert filled.state is State.FILLED
    assert {fill.price for fill in filled.executions} == {D(64_350)}
    assert {fill.liquidity for fill in filled.executions} == {Liquidity.MAKER}
    assert filled.fees == {"USD": filled.filled_notional * D("0.004")}


def test_a_thin_book_fills_a_resting_order_in_parts():
    clock = ManualClock()
    one = exchange(clock)
    one.submit(resting(quantity=D(1)))
    one.set_price(BTC, D(64_340), D("0.2"))
    assert newest(one).filled_quantity == D("0.2")
    clock.go_on(seconds(5))
    assert newest(one).filled_quantity == D("0.4")


def test_a_price_that_only_touches_an_order_must_first_eat_the_queue_before_it():
    clock = ManualClock()
    one = exchange(clock, funds={"USD": D(200_000)})
    one.submit(resting(quantity=D(2)))
    one.set_price(BTC, D(64_350), D(1))
    seen = []
    for _ in range(12):
        clock.go_on(seconds(5))
        seen.append(newest(one).filled_quantity)
    assert seen == sorted(seen)
    assert seen[-1] > 0
    assert len(set(seen)) > 2


def test_a_post_only_order_never_takes():
    one = exchange()
    asked = resting(is_post_only=True, limit_price=D(65_650))
    assert refused(one, asked) is Rejection.POST_ONLY_WOULD_TAKE
    assert one.submit(resting(is_post_only=True)).state is State.OPEN


def test_a_stop_waits_for_its_price_and_then_sells():
    one = exchange()
    waiting = one.submit(stop())
    assert waiting.state is State.PENDING
    assert one.funds("main")["BTC"].held == D("0.1")
    one.set_price(BTC, D(63_990))
    sold = newest(one)
    assert sold.has_triggered
    assert (sold.state, sold.filled_quantity) == (State.FILLED, D("0.1"))
    assert {fill.liquidity for fill in sold.executions} == {Liquidity.TAKER}


def test_a_stop_that_would_trigger_at_once_is_refused():
    one = exchange()
    assert refused(one, stop(stop_price=D(65_500))) is Rejection.STOP_WOULD_TRIGGER


def test_an_order_with_an_end_time_expires_by_itself_at_that_time():
    clock = ManualClock()
    one = exchange(clock)
    until = clock.now() + seconds(7)
    one.submit(resting(time_in_force=TimeInForce.GTD, good_until=until))
    clock.go_on(seconds(6))
    assert newest(one).state is State.OPEN
    clock.go_on(seconds(60))
    assert (newest(one).state, newest(one).updated_at) == (State.EXPIRED, until)


def test_a_dead_man_loses_his_orders_and_one_who_calls_keeps_them():
    clock = ManualClock()
    one = exchange(clock)
    one.submit(resting())
    one.arm_dead_man("main", 10, ())
    clock.go_on(seconds(8))
    one.arm_dead_man("main", 10, ())
    clock.go_on(seconds(8))
    assert newest(one).state is State.OPEN
    clock.go_on(seconds(8))
    assert newest(one).state is State.CANCELED


def test_a_dead_man_keeps_what_is_on_other_instruments_and_disarming_ends_it():
    clock = ManualClock()
    one = exchange(clock)
    one.submit(resting())
    one.arm_dead_man("main", 5, ("ETH-USD",))
    clock.go_on(seconds(30))
    one.arm_dead_man("main", 5, ())
    one.arm_dead_man("main", 0, ())
    clock.go_on(seconds(30))
    assert newest(one).state is State.OPEN


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (order(symbol="X-Y"), Rejection.UNKNOWN_SYMBOL),
        (order(""), Rejection.INVALID_CLIENT_ORDER_ID),
        (order(limit_price=D("65000.001")), Rejection.PRICE_INCREMENT),
        (order(limit_price=D(200_000)), Rejection.PRICE_BAND),
        (order(quantity=D("0.000001")), Rejection.MIN_QUANTITY),
        (order(quantity=D(10_001)), Rejection.MAX_QUANTITY),
        (order(quantity=D("0.1000001")), Rejection.QUANTITY_INCREMENT),
        (order(quantity=D("0.00001")), Rejection.MIN_NOTIONAL),
        (order(quantity=D(2)), Rejection.INSUFFICIENT_FUNDS),
        (order(side=Side.SELL, quantity=D(3), limit_price=D(64_000)), Rejection.INSUFFICIENT_FUNDS),
        (market(quantity=None, quote_quantity=D(100_001)), Rejection.INSUFFICIENT_FUNDS),
        (order(limit_price=None), Rejection.UNSUPPORTED),
        (order(quantity=None), Rejection.UNSUPPORTED),
        (order(stop_price=D(1)), Rejection.UNSUPPORTED),
        (order(time_in_force=TimeInForce.GTD), Rejection.UNSUPPORTED),
        (order(is_post_only=True), Rejection.UNSUPPORTED),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_of_it_exists(asked, why):
    one = exchange()
    assert refused(one, asked) is why
    accepted, turned_away = one.everything()
    assert not accepted
    assert [refusal.rejection for refusal in turned_away] == [why]


def test_a_house_refuses_what_it_does_not_know():
    one = exchange(
        order_types=frozenset({OrderType.LIMIT}), time_in_forces=frozenset({TimeInForce.GTC})
    )
    assert refused(one, market()) is Rejection.UNSUPPORTED
    assert refused(one, order()) is Rejection.UNSUPPORTED


def test_too_many_open_orders_are_refused():
    one = exchange(max_open_orders=2)
    one.submit(resting("a"))
    one.submit(resting("b"))
    assert refused(one, resting("c")) is Rejection.TOO_MANY_ORDERS


def test_an_id_is_unique_among_open_orders_only_and_sent_again_after_the_fill_it_buys_twice():
    one = exchange()
    one.submit(resting("a"))
    assert refused(one, order("a")) is Rejection.DUPLICATE_CLIENT_ORDER_ID
    first, second = one.submit(order("b")), one.submit(order("b"))
    assert first.venue_order_id != second.venue_order_id
    assert one.funds("main")["BTC"].available == D("2.2")


def test_or_the_first_order_comes_back_whatever_is_asked_for_under_its_id():
    one = exchange(duplicate_ids=DuplicateIds.RETURN_FIRST)
    first = one.submit(order("a"))
    again = one.submit(order("a", quantity=D("0.05")))
    assert again == first
    assert one.funds("main")["BTC"].available == D("2.1")


def test_reads_lag_where_they_are_told_to():
    clock = ManualClock()
    one = exchange(clock)
    one.submit(resting("a"))
    clock.go_on(seconds(10))
    one.set_lag(timedelta(seconds=4))
    one.set_price(BTC, D(64_000))
    one.submit(order("b"))
    assert [(read.asked.client_order_id, read.state) for read in one.orders("main")] == [
        ("a", State.OPEN)
    ]
    assert one.executions("main") == []
    clock.go_on(seconds(5))
    assert [read.state for read in one.orders("main")] == [State.FILLED, State.FILLED]
    assert len(one.executions("main")) >= 2


def test_the_stream_tells_everything_in_order_and_a_hearer_may_act():
    one = exchange()
    heard = []

    def hear(changed):
        heard.append((changed.order.asked.client_order_id, changed.change, changed.order.state))
        if changed.change is Change.ACCEPTED and changed.order.asked.client_order_id == "a":
            one.submit(resting("b"))

    leave = one.subscribe("main", hear)
    one.subscribe("stranger", lambda _: heard.append("wrong"))
    one.submit(order("a", quantity=D("0.01")))
    leave()
    one.submit(order("c"))
    assert heard == [
        ("a", Change.ACCEPTED, State.OPEN),
        ("a", Change.EXECUTED, State.FILLED),
        ("b", Change.ACCEPTED, State.OPEN),
    ]


def test_a_hearer_that_fails_takes_nothing_with_it():
    one = exchange()

    def fail(_):
        raise OSError("gone")

    one.subscribe("main", fail)
    assert one.submit(order()).state is State.FILLED


def test_the_same_seed_gives_the_same_ids_books_and_fills():
    def story(seed):
        one = exchange(seed=seed)
        one.submit(order())
        one.submit(resting("b"))
        return one.orders("main"), one.depth(BTC)

    assert story(3) == story(3)
    assert story(3) != story(4)


def test_books_that_do_not_add_up_are_said_aloud():
    one = exchange()
    one._desk.ledger.totals["main"]["BTC"] += D("0.00000001")
    with pytest.raises(ConservationBroken, match="BTC"):
        one.submit(order())
    assert one.breaches()


def test_money_comes_in_and_goes_out_but_never_below_what_is_free():
    one = exchange()
    one.deposit("main", "USD", D(5))
    one.deposit("main", "USD", D(-100_005))
    assert one.funds("main")["USD"].available == 0
    with pytest.raises(Refusal):
        one.deposit("main", "USD", D(-1))
