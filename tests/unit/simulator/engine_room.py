"""An exchange with one instrument at a price that holds still, and orders to send to it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from shared.domain.enums import OrderType, Side, TimeInForce
from simulator.engine.clocks import ManualClock
from simulator.engine.exchange import Exchange
from simulator.engine.model import DuplicateIds, House, NewOrder
from simulator.settings import ExchangeSettings, exchange_of

D = Decimal

BTC = "BTC-USD"
PRICE = D(65_000)
HOUSE = House(
    name="house",
    duplicate_ids=DuplicateIds.UNIQUE_AMONG_OPEN,
    is_fee_in_received=False,
    maker_ratio=D("0.004"),
    taker_ratio=D("0.006"),
    order_types=frozenset(OrderType),
    time_in_forces=frozenset(TimeInForce),
)


def exchange(clock=None, funds=None, seed=1, **house) -> Exchange:
    settings = ExchangeSettings(
        seed=seed,
        held_prices={BTC: PRICE},
        funds={"USD": D(100_000), "BTC": D(2)} if funds is None else funds,
        clock=clock or ManualClock(),
    )
    return exchange_of(replace(HOUSE, **house), (), settings)


def order(client_order_id="a", **changes) -> NewOrder:
    """Return a buy of 0.1 BTC that takes up to 1 % above the market."""
    asked = {
        "account": "main",
        "client_order_id": client_order_id,
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.IOC,
        "quantity": D("0.1"),
        "limit_price": D(65_650),
    }
    return NewOrder(**(asked | changes))


def resting(client_order_id="a", **changes) -> NewOrder:
    """Return a buy of 0.1 BTC that waits 1 % below the market."""
    waits = {"time_in_force": TimeInForce.GTC, "limit_price": D(64_350)}
    return order(client_order_id, **(waits | changes))


def market(client_order_id="a", **changes) -> NewOrder:
    return order(client_order_id, order_type=OrderType.MARKET, limit_price=None, **changes)


def stop(client_order_id="a", **changes) -> NewOrder:
    """Return a sale of 0.1 BTC that begins when the price has fallen to 64 000."""
    waits = {
        "side": Side.SELL,
        "order_type": OrderType.STOP_LIMIT,
        "time_in_force": TimeInForce.GTC,
        "stop_price": D(64_000),
        "limit_price": D(63_000),
    }
    return order(client_order_id, **(waits | changes))


def newest(one: Exchange):
    return one.orders("main")[0]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
