"""The simulator's own interface: the truth, and the levers."""

from decimal import Decimal

import httpx
import pytest

from simulator.engine.clocks import ManualClock
from simulator.server import running_simulator
from simulator.settings import ExchangeSettings
from tests.unit.simulator.small_wire import small_hosting

D = Decimal


@pytest.fixture
def venue():
    settings = ExchangeSettings(
        held_prices={"BTC-USD": D(65_000)}, funds={"USD": D(10_000)}, clock=ManualClock()
    )
    with (
        running_simulator("kucoin", settings=settings, hosting=small_hosting()) as sim,
        httpx.Client(base_url=sim.url + "/__sim", trust_env=False) as control,
    ):
        yield sim, control


ORDER = {"symbol": "BTC-USD", "side": "buy", "quantity": "0.01"}


def test_health_says_who_is_there_and_whether_the_books_are_right(venue):
    _, control = venue
    told = control.get("/health").json()
    assert (told["venue"], told["is_conserved"]) == ("small", True)
    assert told["symbols"] == ["BTC-USD"]


def test_an_order_by_hand_is_somebody_elses_on_the_same_account(venue):
    sim, control = venue
    made = control.post("/order", json=ORDER | {"client_order_id": "theirs"})
    assert made.json()["state"] == "filled"
    assert [one.asked.client_order_id for one in sim.exchange.orders("main")] == ["theirs"]
    refused = control.post("/order", json=ORDER | {"quantity": "10"})
    assert refused.status_code == 409
    assert refused.json()["reason"] == "insufficient_funds"


def test_the_oracle_tells_orders_fills_refusals_and_balances_in_exact_numbers(venue):
    sim, control = venue
    control.post("/order", json=ORDER | {"client_order_id": "x"})
    control.post("/order", json=ORDER | {"client_order_id": "y", "quantity": "10"})
    told = control.get("/oracle").json()
    (order,), (refusal,) = told["orders"], told["refused"]
    assert (order["client_order_id"], order["quantity"], order["state"]) == ("x", "0.01", "filled")
    assert order["fills"][0]["fee_asset"] == "BTC"
    assert (refusal["client_order_id"], refusal["rejection"]) == ("y", "insufficient_funds")
    assert told["balances"]["main"]["BTC"] == {"available": "0.00998", "held": "0"}
    assert told["is_conserved"]
    assert [one.venue_order_id for one in sim.oracle().of_client("x")] == [order["venue_order_id"]]


def test_the_price_is_set_and_let_go(venue):
    _, control = venue
    asked = {"symbol": "BTC-USD", "price": "70000", "level_quantity": "0.5"}
    told = control.post("/price", json=asked).json()
    assert D(told["bid"]) < D(70_000) < D(told["ask"])
    told = control.post("/price", json={"symbol": "BTC-USD", "price": None}).json()
    assert D(told["ask"]) < D(70_000) * D("1.2")


def test_time_goes_on_when_it_is_told_to(venue):
    sim, control = venue
    before = sim.exchange.now()
    control.post("/advance", json={"seconds": 60})
    assert (sim.exchange.now() - before).total_seconds() == 60
    control.post("/clock", json={"offset_seconds": -2})
    assert (sim.exchange.now() - before).total_seconds() == 58


def test_funds_come_and_reads_lag(venue):
    sim, control = venue
    told = control.post("/funds", json={"asset": "USD", "amount": "0.5"}).json()
    assert told["USD"]["available"] == "10000.5"
    assert control.post("/funds", json={"asset": "USD", "amount": "-20000"}).status_code == 409
    control.post("/lag", json={"seconds": 3})
    control.post("/order", json=ORDER)
    assert sim.exchange.orders("main") == []


def test_a_plan_is_put_shown_with_its_hits_and_cleared(venue):
    sim, control = venue
    rules = [{"match": {"operation": "create"}, "do": {"fault": "error_after", "status": 504}}]
    assert control.post("/faults", json=rules).status_code == 200
    assert httpx.post(sim.url + "/order", json={"client_order_id": "a"}).status_code == 504
    (shown,) = control.get("/faults").json()
    assert (shown["seen"], shown["hits"]) == (1, 1)
    assert shown["do"] == {"fault": "error_after", "status": 504}
    assert control.delete("/faults").json() == []
    assert control.get("/faults").json() == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/price", {"symbol": "X-Y", "price": "1"}, "symbol"),
        ("/price", {"symbol": "BTC-USD", "price": "-1"}, "price"),
        ("/price", {"symbol": "BTC-USD", "price": "NaN"}, "price"),
        ("/price", {"symbol": "BTC-USD", "price": "1", "level_quantity": "0"}, "level_quantity"),
        ("/price", {"symbol": "BTC-USD", "price": "much"}, "price"),
        ("/price", {"symbol": "BTC-USD"}, "body"),
        ("/advance", {"seconds": -1}, "seconds"),
        ("/advance", {"seconds": 1e12}, "seconds"),
        ("/clock", {"offset_seconds": 1e12}, "offset_seconds"),
        ("/lag", {"seconds": -1}, "seconds"),
        ("/funds", {"asset": "USD", "amount": "Infinity"}, "amount"),
        ("/order", ORDER | {"side": "up"}, "side"),
        ("/order", ORDER | {"colour": "red"}, "body"),
        ("/faults", [{"do": {"fault": "nonsense"}}], "$[0].do.fault"),
    ],
)
def test_bad_input_names_the_field_and_the_remedy(venue, path, body, field):
    _, control = venue
    reply = control.post(path, json=body)
    assert reply.status_code == 422
    assert reply.json()["field"] == field
    assert reply.json()["remedy"]
    assert control.get("/health").json()["is_conserved"]


def test_what_is_no_json_or_no_path_is_said(venue):
    _, control = venue
    assert control.post("/price", content=b"{").status_code == 422
    assert control.post("/price", content=b"x" * 1_000_001).status_code == 422
    assert control.get("/nothing").status_code == 404
    assert control.post("/oracle").status_code == 404


def test_only_a_manual_clock_is_moved():
    with running_simulator("kucoin", hosting=small_hosting()) as sim:
        reply = httpx.post(sim.url + "/__sim/advance", json={"seconds": 1}, trust_env=False)
        assert reply.status_code == 422
        assert "--manual-clock" in reply.json()["remedy"]
