"""A simulated venue, its adapter as everybody gets it, and a count of what was really asked."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import AccountId, DecisionId, Symbol, client_order_id, derive
from shared.domain.venue import OrderRef, OrderRequest
from simulator.engine.model import NewOrder
from simulator.server import Hosting, start_simulator
from simulator.settings import ExchangeSettings
from simulator.wire.port import Operation, Wire
from venues.budget import LocalBudget
from venues.opening import Credentials, open_venue
from venues.port import VenueKeys, VenueName

D = Decimal
QUOTE = {VenueName.COINBASE: "USD", VenueName.BINANCE_US: "USDT", VenueName.KUCOIN: "USDT"}
PRICE = D(100)
FUNDS = D(100_000)
COINS = D(50)


def counted(venue, asked):
    """Return a maker of the venue's wire that counts requests by operation, before any fault."""
    module = import_module(f"simulator.wire.{venue}")
    make = getattr(module, f"{venue}_wire")

    def make_counted(premises):
        wire = make(premises)

        def operation(method, path):
            found = wire.operation(method, path)
            asked[found] += 1
            return found

        return Wire(application=wire.application, operation=operation)

    return module.HOUSE, make_counted


class SpentBudget(LocalBudget):
    """A budget of which all but the reserve of the cancels is gone."""

    def spend(self, pool, units, *, is_urgent=False):
        self.learn(pool, int(pool.units * 0.95))
        super().spend(pool, units, is_urgent=is_urgent)


class Desk:
    """One account at one simulated venue, and the venue as `open_venue` gives it."""

    def __init__(self, venue, sim, asked):
        self.name, self.sim, self.asked = VenueName(venue), sim, asked
        self.symbol = Symbol(f"BTC-{QUOTE[self.name]}")
        self.other = Symbol(f"ETH-{QUOTE[self.name]}")
        self.opened = []
        self.numbers = 0
        self.venue = self.open()

    @property
    def quote(self):
        return QUOTE[self.name]

    def credentials(self, keys=None, budget=None):
        key = self.sim.key
        return Credentials(
            keys=keys or VenueKeys(key=key.key, secret=key.secret, passphrase=key.passphrase),
            address=self.sim.address,
            budget=budget or LocalBudget(venue=self.name),
        )

    def open(self, keys=None, budget=None):
        """Return another opening of the same venue."""
        venue = open_venue(self.name, self.credentials(keys, budget))
        self.opened.append(venue)
        return venue

    def close(self):
        for one in self.opened:
            one.close()

    def id(self):
        self.numbers += 1
        decision = DecisionId(derive("decision", self.name, str(self.numbers)))
        return client_order_id("paper", AccountId("paper-main"), decision)

    def request(self, **changes):
        """Return a limit order that rests well below the market."""
        plain = OrderRequest(
            client_order_id=self.id(), symbol=self.symbol, side=Side.BUY,
            order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity=D("0.5"),
            limit_price=D(90), signed_at=datetime.now(UTC), window=timedelta(seconds=5),
            send_by=time.monotonic() + 2,
        )  # fmt: skip
        return replace(plain, **changes)

    def taking(self, **changes):
        """Return an order that fills at once, as far as there is anything to take."""
        return self.request(**{"time_in_force": TimeInForce.IOC, "limit_price": D(101), **changes})

    def submit(self, request):
        return self.venue.submit(request)

    def somebody_else(self, name="somebody-else", **changes):
        """Place an order on the account that we know nothing of."""
        order = NewOrder(
            account="main", client_order_id=name, symbol=self.symbol, side=Side.BUY,
            order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity=D(1),
            limit_price=D(80),
        )  # fmt: skip
        return self.sim.exchange.submit(replace(order, **changes))

    def accepted(self, request):
        return self.sim.oracle().of_client(request.client_order_id)

    def offset(self):
        """Take over the venue's clock as the executor does, and return its time."""
        theirs = self.venue.server_time()
        self.venue.set_offset(theirs - datetime.now(UTC))
        return theirs


def ref_of(request, venue_order_id=None):
    return OrderRef(
        symbol=request.symbol, client_order_id=request.client_order_id,
        placed_at=request.signed_at, venue_order_id=venue_order_id,
    )  # fmt: skip


@contextmanager
def desk_at(venue, *, keys=(), clock=None):
    """A venue where BTC and ETH stand at 100, an account with quote and coins."""
    name = VenueName(venue)
    symbols = [Symbol(f"{base}-{QUOTE[name]}") for base in ("BTC", "ETH")]
    asked = Counter()
    house, make_wire = counted(name, asked)
    more = {} if clock is None else {"clock": clock}
    settings = ExchangeSettings(
        seed=7,
        held_prices=dict.fromkeys(symbols, PRICE),
        funds={QUOTE[name]: FUNDS, "BTC": COINS},
        **more,
    )
    hosting = Hosting(house=house, make_wire=make_wire, keys=keys)
    sim = start_simulator(name, settings, hosting)
    desk = Desk(name, sim, asked)
    try:
        yield desk
    finally:
        desk.close()
        sim.stop()
    assert not sim.oracle().breaches


__all__ = ["COINS", "FUNDS", "PRICE", "D", "Desk", "Operation", "SpentBudget", "desk_at", "ref_of"]
