"""What a venue tells is booked with the order it belongs to, whatever else has the same number."""

from dataclasses import replace

import pytest

from executor.handlers.journal import Seen
from executor.repository import requests
from executor.tasks.adopting import Adopter
from executor.tasks.balancing import Balances
from executor.tasks.syncing import Syncer
from shared.domain.clock import SystemClock
from shared.domain.enums import Interval, OrderStatus, Purpose, Side
from shared.domain.ids import DecisionId, Symbol, TradeId, VenueOrderId, client_order_id
from tests.builders import ACCOUNT, BTC
from tests.unit.executor.venue_room import (
    RULES,
    SaidVenue,
    VenueRoom,
    executed,
    open_account,
    reported,
)

ETH = Symbol("ETH-USDT")


@pytest.fixture
def room(engine):
    open_account(engine)
    return VenueRoom(engine, SaidVenue()).lead()


def syncer(room):
    balances = Balances(line=room.line)
    return Syncer(line=room.line, looker=room.looker, balances=balances, interval=Interval.H1)


def standing(room, identity):
    with room.line.transactions.read() as connection:
        return requests.find(connection, ACCOUNT, identity)


def told(room, identity, **changes):
    report = replace(reported(identity, OrderStatus.OPEN, 0), **changes)
    room.line.journal.see(standing(room, identity), Seen(report=report))


def test_orders_of_two_instruments_may_have_one_number_at_the_venue(room):
    room.line.board.learn_rules({BTC: RULES, ETH: RULES})
    ours, other = room.approve(0), room.approve(1, symbol=ETH)
    for identity, symbol in ((ours, BTC), (other, ETH)):
        told(room, identity, symbol=symbol)
    now = SystemClock().now()
    room.venue.fills = lambda symbol, _since: (
        [replace(executed(1, "0.4", at=now), symbol=ETH)] if symbol == ETH else []
    )
    syncer(room).sync_fills([BTC, ETH])
    assert [(fill.client_order_id, fill.symbol) for fill in room.fills()] == [(other, ETH)]


def test_trades_of_two_instruments_may_have_one_number_at_the_venue(room):
    room.line.board.learn_rules({BTC: RULES, ETH: RULES})
    for number, symbol in enumerate((BTC, ETH)):
        told(room, room.approve(number, symbol=symbol), symbol=symbol)
    now = SystemClock().now()
    room.venue.fills = lambda symbol, _since: [replace(executed(7, "0.4", at=now), symbol=symbol)]
    for _ in range(2):
        syncer(room).sync_fills([BTC, ETH])
    assert sorted(fill.symbol for fill in room.fills()) == [BTC, ETH]


def test_the_longest_names_of_instrument_and_trade_are_written_down(room):
    longest = Symbol(f"{'A' * 16}-{'B' * 15}")
    room.line.board.learn_rules({longest: RULES})
    told(room, room.approve(symbol=longest), symbol=longest)
    trade = TradeId("3f7c1d52-0d64-4e57-9d2f-aa54d6f0b9aa")
    fill = replace(executed(7, "0.4", at=SystemClock().now()), symbol=longest, trade_id=trade)
    room.venue.fills = lambda _symbol, _since: [fill]
    syncer(room).sync_fills([longest])
    assert [fill.trade_id for fill in room.fills()] == [f"{longest}:buy:{trade}"]


def test_a_lost_order_is_found_though_a_stranger_elsewhere_has_its_number(room):
    adopter = Adopter(line=room.line, looker=room.looker, interval=Interval.H1)
    ours = client_order_id("paper", ACCOUNT, DecisionId("lost"))
    for identity, symbol in (("by-hand", BTC), (ours, ETH)):
        room.venue.listed = [replace(reported(identity, venue_id="7"), symbol=symbol)]
        fill = replace(executed(1, 1, "7", at=SystemClock().now()), symbol=symbol)
        adopter.trace(symbol, {VenueOrderId("7"): [fill]})
    assert [(fill.client_order_id, fill.symbol) for fill in room.fills()] == [(ours, ETH)]


def test_two_orders_of_ours_that_trade_with_one_another_keep_a_fill_each(room):
    buying, selling = room.approve(0), room.approve(1, side=Side.SELL, purpose=Purpose.EXIT)
    for side, identity in ((Side.BUY, buying), (Side.SELL, selling)):
        told(room, identity, venue_order_id=f"v{side}", side=side)
        fill = replace(executed(7, "0.4", f"v{side}"), side=side)
        seen = Seen(report=None, fills=(fill,))
        room.line.journal.see(standing(room, identity), seen)
    assert {(fill.side, fill.client_order_id) for fill in room.fills()} == {
        (Side.BUY, buying), (Side.SELL, selling),
    }  # fmt: skip
