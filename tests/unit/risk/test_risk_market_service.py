"""What risk hears of the market and of how trading goes, and how its verdicts follow from it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from risk.tables import risk_outcomes, risk_quotes, risk_tapes, risk_trips
from shared.domain.enums import OrderStatus, Purpose, Side
from shared.domain.events import (
    OrderAccepted,
    OrderExpired,
    OrderRejected,
    OrderUnknown,
    QuotesSeen,
    RoundTripClosed,
    SeenQuote,
)
from tests.builders import ORDER

D = Decimal
BTC, ETH = "BTC-USDT", "ETH-USDT"
ACCOUNT = "mock-main"


def denied(risk, recommendation, facts, now, **say):
    """The checks that the verdict on one recommendation names, none where it is approved."""
    number = len(risk.approved()) + len(risk.denied())
    fact = facts.issued(now, recommendation, origin=f"test:{number}")
    risk.say(fact, now=now, **say)
    found = [
        one for one in risk.denied() if one.recommendation_id == recommendation.recommendation_id
    ]
    return [breach.check for one in found for breach in one.breaches]


def walked(facts, count, scale=0.01, start=1, symbols=(BTC, ETH), seed=5):
    """Candles of `count` hours in which everything moves by about `scale` an hour."""
    moves = np.random.default_rng(seed).normal(0, scale, (len(symbols), count))
    closes = 100 * np.cumprod(1 + moves, axis=1)
    return [
        facts.candles(
            facts.at(start + hour),
            **{
                symbol.removesuffix("-USDT"): repr(float(closes[row, hour]))
                for row, symbol in enumerate(symbols)
            },
        )
        for hour in range(count)
    ]


def trip(number, pnl, at):
    return RoundTripClosed(
        account=ACCOUNT, trip_id=f"synthetic:t{number}", symbol=BTC, opened_at=at - timedelta(hours=1),
        closed_at=at, cost=D(100), pnl=D(pnl), exit_reason=None,
    )  # fmt: skip


def ended(number, kind, status, at):
    """A fact of an exit: those of brackets, which nobody approved, count as well."""
    order = replace(
        ORDER, client_order_id=f"{number:036d}", decision_id=f"d{number}", account=ACCOUNT,
        status=status, updated_at=at, side=Side.SELL, purpose=Purpose.EXIT,
    )  # fmt: skip
    return kind(order=order)


# candles


def test_an_instrument_no_candle_was_heard_of_is_not_entered_and_the_first_candle_opens_it(
    risk, facts
):
    risk.say(facts.marked(1), now=1, knows_market=False)
    assert denied(risk, facts.entry(1), facts, 1, knows_market=False) == ["market_age"]
    risk.say(facts.candles(facts.at(2), BTC="100"), facts.marked(2), now=2, knows_market=False)
    assert denied(risk, facts.entry(2), facts, 2, knows_market=False) == []
    assert denied(risk, facts.entry(2, ETH), facts, 2, knows_market=False) == ["market_age"]


def test_exits_ask_for_no_market(risk, facts):
    risk.say(facts.marked(1, BTC="1"), now=1, knows_market=False)
    assert denied(risk, facts.leaving(1), facts, 1, knows_market=False) == []
    assert len(risk.approved()) == 1


def test_candles_of_the_same_batch_are_heard_before_what_was_decided_on_them(risk, facts):
    risk.say(
        facts.issued(1, facts.entry(1)), facts.marked(1), facts.candles(facts.at(1), BTC="100"),
        now=1, knows_market=False,
    )  # fmt: skip
    assert len(risk.approved()) == 1


def test_only_candles_of_our_venue_and_interval_are_heard(embedded, facts):
    elsewhere = facts.candles(facts.at(1), BTC="100")
    embedded.say(replace(elsewhere, venue="coinbase"), replace(elsewhere, interval="1m"), now=1)
    assert embedded.rows(risk_tapes) == []


def test_a_manual_price_far_from_the_last_trade_is_refused(embedded, facts):
    embedded.say(facts.marked(1), now=1)
    far = replace(facts.entry(1), price=D("103"), source="manual")
    assert denied(embedded, far, facts, 1) == ["price_collar"]


def test_a_market_that_has_gone_wild_pauses_until_it_calms_down(risk, facts):
    calm = walked(facts, 90, 0.001)
    for fact in calm:
        risk.say(fact, now=(fact.closed_at - facts.at(0)).total_seconds() / 3600)
    last = float(calm[-1].candles[0].close)
    assert calm[-1].candles[0].symbol == BTC
    wild = last * 1.03
    risk.say(facts.candles(facts.at(91), BTC=repr(wild), ETH="100"), facts.marked(91), now=91,
             knows_market=False)  # fmt: skip
    entry = replace(facts.entry(91), price=D(repr(wild)))
    assert denied(risk, entry, facts, 91, knows_market=False) == ["volatility"]
    for hour in range(92, 105):
        risk.say(facts.candles(facts.at(hour), BTC=repr(wild * 1.001 ** (hour % 2))), now=hour)
    risk.say(facts.marked(104), now=104, knows_market=False)
    entry = replace(facts.entry(104), price=D(repr(wild)))
    assert denied(risk, entry, facts, 104, knows_market=False) == []


def test_a_restart_in_the_middle_keeps_the_same_view(engine, facts):
    heard = walked(facts, 40)
    one, other = heard[:23], heard[23:]
    first = facts.Risk(engine)
    first.say(*one, now=23)
    second = facts.Risk(engine)
    second.say(*other, now=40)
    rows = {row.symbol: row for row in second.rows(risk_tapes)}
    assert set(rows) == {BTC, ETH}
    for place, symbol in enumerate((BTC, ETH)):
        assert rows[symbol].closes == [float(fact.candles[place].close) for fact in heard]
        assert rows[symbol].price == heard[-1].candles[place].close
        assert rows[symbol].traded_at == rows[symbol].closed_at == facts.at(40)


def test_five_hundred_instruments_are_kept_by_one_batch_of_candles(engine, facts):
    symbols = tuple(f"C{number:03}-USDT" for number in range(500))
    risk = facts.Risk(engine, symbols)
    for hour in (1, 2):
        candles = [
            facts.candles(facts.at(hour), **{one.removesuffix("-USDT"): "100" for one in some})
            for some in (symbols[start : start + 50] for start in range(0, 500, 50))
        ]
        risk.say(*(replace(fact, shard=shard) for shard, fact in enumerate(candles)), now=hour)
    rows = risk.rows(risk_tapes)
    assert len(rows) == 500
    assert all(row.closes == [100.0, 100.0] for row in rows)


# best prices


def quotes(at, **told):
    return QuotesSeen(
        account=ACCOUNT, venue="coinbase", seen_at=at,
        quotes=tuple(
            SeenQuote(symbol=f"{base}-USDT", bid=D(bid), ask=D(ask))
            for base, (bid, ask) in told.items()
        ),
    )  # fmt: skip


def test_where_a_venue_tells_best_prices_entries_wait_for_them(engine, facts):
    risk = facts.Risk(engine, needs_quotes=True)
    risk.say(facts.marked(1), now=1)
    assert denied(risk, facts.entry(1), facts, 1) == ["quote_age"]
    risk.say(quotes(facts.at(1), BTC=("99.9", "100.1"), ETH=("97", "103")), now=1)
    again = replace(facts.entry(1), recommendation_id="again")
    assert denied(risk, again, facts, 1) == []
    assert denied(risk, facts.entry(1, ETH), facts, 1) == ["spread"]
    later = replace(facts.entry(1, "SOL-USDT"), recommendation_id="later")
    risk.say(quotes(facts.at(1.001), SOL=("104", "104.1")), now=1)
    assert denied(risk, later, facts, 1) == ["price_collar"]
    late = 1.002 + 61 / 3600
    old = replace(facts.entry(1, "XRP-USDT"), recommendation_id="old")
    risk.say(quotes(facts.at(1.002), XRP=("99.9", "100.1")), now=1)
    assert denied(risk, old, facts, late) == ["quote_age"]


def test_best_prices_heard_late_do_not_replace_younger_ones(risk, facts):
    risk.say(quotes(facts.at(2), BTC=("99", "100")), now=2)
    risk.say(quotes(facts.at(1), BTC=("1", "2"), ETH=("3", "4")), now=2)
    found = {row.symbol: (row.bid, row.ask, row.seen_at) for row in risk.rows(risk_quotes)}
    assert found == {
        BTC: (D(99), D(100), facts.at(2)),
        ETH: (D(3), D(4), facts.at(1)),
    }


# how trading goes


def test_losses_in_a_row_pause_entries_for_an_hour_and_a_win_ends_the_row(risk, facts):
    risk.say(facts.marked(1), *(trip(n, "-1", facts.at(1)) for n in range(7)), now=1)
    assert denied(risk, facts.entry(1), facts, 1) == []
    risk.say(trip(7, "-0.01", facts.at(1.1)), now=1.1)
    assert denied(risk, facts.entry(1, ETH), facts, 1.1) == ["loss_streak"]
    risk.say(facts.marked(2.2), now=2.2)
    assert denied(risk, facts.entry(2.2, ETH), facts, 2.2) == []  # the hour is over
    risk.say(trip(8, "-1", facts.at(2.2)), now=2.2)
    assert denied(risk, facts.entry(2.2, "SOL-USDT"), facts, 2.2) == ["loss_streak"]
    risk.say(trip(9, "5", facts.at(2.3)), facts.marked(2.3), now=2.3)
    assert denied(risk, facts.entry(2.3, "SOL-USDT"), facts, 2.3) == []
    assert len(risk.rows(risk_trips)) == 10


def test_round_trips_heard_in_any_order_and_closed_again_count_once(engine, facts):
    risk = facts.Risk(engine, max_losses_in_row=2)
    risk.say(
        trip(2, "-1", facts.at(3)), trip(1, "4", facts.at(2)), trip(0, "-1", facts.at(1)), now=3
    )
    risk.say(facts.marked(3), now=3)
    assert denied(risk, facts.entry(3), facts, 3) == []  # the loss before the win is over
    risk.say(trip(1, "-4", facts.at(3.1)), now=3.1)  # a fill told late: it was a loss after all
    assert len(risk.rows(risk_trips)) == 3
    assert denied(risk, facts.entry(3, ETH), facts, 3.1) == ["loss_streak"]


@pytest.mark.parametrize(("kind", "status"), [
    (OrderRejected, OrderStatus.REJECTED),
    (OrderUnknown, OrderStatus.UNKNOWN),
    (OrderExpired, OrderStatus.NOT_SENT),
    (OrderExpired, OrderStatus.ABSENT),
])  # fmt: skip
def test_orders_that_fail_stop_entries_until_the_window_has_passed(embedded, facts, kind, status):
    risk = embedded
    risk.say(*(ended(n, kind, status, facts.at(1)) for n in range(9)), now=1)
    risk.say(facts.marked(1), now=1)
    assert denied(risk, facts.entry(1), facts, 1) == []
    risk.say(ended(9, kind, status, facts.at(1)), now=1)
    assert denied(risk, facts.entry(1, ETH), facts, 1) == ["failure_ratio"]
    assert len(risk.rows(risk_outcomes)) == 10


def test_the_window_of_failures_passes(risk, facts):
    told = [ended(n, OrderRejected, OrderStatus.REJECTED, facts.at(1)) for n in range(12)]
    risk.say(facts.marked(1), now=1)
    risk.say(*told, now=1)
    assert "failure_ratio" in denied(risk, facts.entry(1), facts, 1)
    later = 1 + 600 / 3600
    assert "failure_ratio" not in denied(risk, facts.entry(1, ETH), facts, later)


def test_an_order_in_doubt_that_is_found_at_the_venue_counts_no_more(embedded, facts):
    risk = embedded
    doubts = [ended(n, OrderUnknown, OrderStatus.UNKNOWN, facts.at(1)) for n in range(10)]
    found = [ended(n, OrderAccepted, OrderStatus.OPEN, facts.at(1)) for n in range(10)]
    risk.say(*doubts, *found, facts.marked(1), now=1)
    assert denied(risk, facts.entry(1), facts, 1) == []
