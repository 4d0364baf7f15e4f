"""The faults in front of each real wire, met by the platform's own adapters."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import AccountId, DecisionId, client_order_id
from shared.domain.venue import Accepted, Ambiguous, NotSent, OrderRef, OrderRequest, Refused
from simulator.server import running_simulator
from simulator.wire.port import Operation
from venues.budget import LocalBudget
from venues.opening import Credentials, adapter_of
from venues.port import VenueKeys, VenueName

D = Decimal

BTC = "BTC-USDT"
PRICES = {BTC: D(65_000)}
FUNDS = {"USDT": D(100_000)}
LISTED = pytest.mark.parametrize("name", list(VenueName))


class Trading:
    """One venue's adapter at a running simulator."""

    def __init__(self, sim):
        self.sim = sim
        key = sim.key
        keys = VenueKeys(key=key.key, secret=key.secret, passphrase=key.passphrase)
        budget = LocalBudget(venue=sim.venue)
        self.venue = adapter_of(
            sim.venue, Credentials(keys=keys, address=sim.address, budget=budget)
        )
        self.venue.rules()

    def request(self, decision, **changes):
        asked = {
            "client_order_id": client_order_id("mock", AccountId("main"), DecisionId(decision)),
            "symbol": BTC,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.IOC,
            "quantity": D("0.01"),
            "limit_price": D(65_500),
            "signed_at": self.sim.exchange.clock.base.now(),
            "window": timedelta(seconds=5),
            "send_by": time.monotonic() + 2,
        }
        return OrderRequest(**(asked | changes))

    def ref(self, request):
        return OrderRef(
            symbol=BTC, client_order_id=request.client_order_id, placed_at=request.signed_at
        )

    def accepted(self, request):
        return self.sim.oracle().of_client(request.client_order_id)


@pytest.fixture
def trading(name):
    with running_simulator(name, prices=PRICES, funds=FUNDS) as sim:
        yield Trading(sim)


def on_create(fault, **parameters):
    match = {"operation": Operation.CREATE}
    return [{"match": match, "do": {"fault": fault, **parameters}}]


@LISTED
def test_an_order_is_accepted_and_the_oracle_knows_it(trading):
    request = trading.request("1")
    assert isinstance(trading.venue.submit(request), Accepted)
    (one,) = trading.accepted(request)
    assert (one.filled_quantity, one.side) == (D("0.01"), Side.BUY)


@LISTED
@pytest.mark.parametrize(
    ("fault", "orders"),
    [
        ({"fault": "reset_before_request"}, 0),
        ({"fault": "reset_after_accept"}, 1),
        ({"fault": "error_before"}, 0),
        ({"fault": "error_after", "status": 504}, 1),
        ({"fault": "garbage"}, 1),
        ({"fault": "truncated_json"}, 1),
        ({"fault": "renamed_field"}, 1),
        ({"fault": "duplicate_id"}, 1),
    ],
)
def test_an_answer_that_proves_nothing_is_ambiguous(trading, fault, orders):
    request = trading.request("1")
    trading.sim.plan([{"match": {"operation": "create"}, "do": fault}])
    assert isinstance(trading.venue.submit(request), Ambiguous)
    assert len(trading.accepted(request)) == orders
    found = trading.venue.find_order(trading.ref(request))
    assert (found is not None) == bool(orders)
    if found is not None:
        assert found.status is OrderStatus.FILLED


@LISTED
def test_a_shut_door_means_that_no_byte_has_left(trading):
    request = trading.request("1")
    trading.sim.plan([{"do": {"fault": "connect_refused", "seconds": 2}}])
    assert isinstance(trading.venue.submit(request), NotSent)
    assert trading.accepted(request) == ()


@LISTED
def test_a_limit_is_a_refusal(trading):
    request = trading.request("1")
    trading.sim.plan(on_create("rate_limited", retry_after_seconds=1))
    assert isinstance(trading.venue.submit(request), Refused)
    assert trading.accepted(request) == ()


@LISTED
def test_an_order_that_comes_after_its_window_is_refused_by_the_venue_itself(trading):
    if trading.sim.venue is VenueName.COINBASE:
        window, late = timedelta(seconds=1), 2.5  # whole seconds in a token
    else:
        window, late = timedelta(milliseconds=300), 0.8
    request = trading.request("1", window=window)
    trading.sim.plan(on_create("accepted_late", seconds=late, answer="hang"))
    assert isinstance(trading.venue.submit(request), Ambiguous)
    assert trading.sim.faults()[0]["hits"] == 1
    assert trading.accepted(request) == ()


@LISTED
def test_an_order_that_is_hidden_from_reads_is_found_later(trading):
    request = trading.request("1")
    trading.sim.plan([{"do": {"fault": "stale_reads", "seconds": 60}}])
    assert isinstance(trading.venue.submit(request), Accepted)
    assert trading.venue.find_order(trading.ref(request)) is None
    trading.sim.plan([])
    assert trading.venue.find_order(trading.ref(request)) is not None
