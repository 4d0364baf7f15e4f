"""The executor at each simulated venue, over HTTP, with every task of it running."""

import time
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select

from executor.tables import external_orders, frozen_symbols
from portfolio.app import build
from portfolio.repository.books import positions_of_account
from portfolio.settings import PortfolioSettings
from shared.bus.consumer import Consumer
from shared.bus.tables import event_log
from shared.domain.enums import OrderType, Side, TimeInForce, TradingState
from shared.domain.ids import DecisionId, client_order_id, derive
from simulator.engine.model import NewOrder
from tests.venue_world import ACCOUNT, FUNDS, PRICE, QUOTE, Trading, exchange, symbol_at

D = Decimal
VENUES = ("coinbase", "binance_us", "kucoin")
KEY = {"X-TRADING-API-KEY": "a1b2c3d4e5" * 4}


@pytest.fixture(params=VENUES)
def sim(request):
    with exchange(request.param) as running:
        yield running


@pytest.fixture
def trading(sqlite_engine, sim):
    with Trading(sqlite_engine, sim) as running:
        yield running.ready()


def ask(trading, method, path, **more):
    transport = httpx.ASGITransport(app=trading.service.api)

    async def call():
        async with httpx.AsyncClient(transport=transport, base_url="http://executor") as client:
            return await client.request(
                method, path, headers={**KEY, **more.pop("headers", {})}, **more
            )

    import asyncio

    return asyncio.run(call())


def accepted(sim):
    return [one for one in sim.oracle().orders if not one.client_order_id.startswith("by-hand")]


def topics(trading):
    with trading.engine.begin() as connection:
        found = connection.execute(select(event_log.c.topic).order_by(event_log.c.seq))
        return [topic for topic in found.scalars() if topic.startswith("order.")]


def by_hand(sim, trading, **changes):
    values = {
        "account": "main", "client_order_id": "by-hand", "symbol": trading.symbol,
        "side": Side.BUY, "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC,
        "quantity": D("0.2"), "limit_price": D(90),
    }  # fmt: skip
    return sim.exchange.submit(NewOrder(**{**values, **changes}))


def test_an_approval_becomes_one_order_and_its_fill_one_row(trading, sim):
    decision = trading.approve()
    row = trading.wait_status(decision, "filled")
    (order, *stops) = sorted(accepted(sim), key=lambda one: one.number)
    assert (order.client_order_id, order.quantity) == (row["client_order_id"], D("0.5"))
    assert all(one.order_type is OrderType.STOP_LIMIT for one in stops)
    (fill,) = trading.fills()
    assert (fill["quantity"], fill["price"]) == (D("0.5"), order.fills[0].price)
    assert (fill["fee"], fill["fee_asset"]) == (
        order.fills[0].fee, order.fills[0].fee_asset,
    )  # fmt: skip
    net = fill["quantity"] - (fill["fee"] if fill["fee_asset"] == "BTC" else 0)
    assert row["open_quantity"] == net
    assert topics(trading)[:2] == ["order.submitted", "order.accepted"]


def test_trades_of_two_instruments_with_one_number_are_both_booked(sqlite_engine, sim):
    with Trading(sqlite_engine, sim) as trading:
        portfolio = build(PortfolioSettings(), trading.runtime)
        books = Consumer(
            "portfolio", trading.runtime.transactions("portfolio"), portfolio.handlers, 1.0
        )
        books.subscribe()
        trading.ready()
        other = symbol_at(sim.venue, "ETH")
        for symbol in (trading.symbol, other):
            trading.wait_status(trading.approve(symbol=symbol), "filled")
        trades = [fill.trade_id for order in accepted(sim) for fill in order.fills]
        assert len(set(trades)) == (1 if sim.venue == "binance_us" else len(trades))
        assert {one["symbol"] for one in trading.fills()} == {trading.symbol, other}
        while books.handle_waiting():
            pass
        with trading.runtime.transactions("test").read() as connection:
            held = positions_of_account(connection, ACCOUNT)
        bought = {one["symbol"]: one["quantity"] for one in trading.fills()}
        assert {one.symbol for one in held} == bought.keys()
        assert all(one.quantity > bought[one.symbol] * D("0.99") for one in held)


def test_what_is_bought_is_protected_and_sold_when_its_stop_is_touched(trading, sim):
    trading.wait_status(trading.approve(), "filled")
    if sim.venue != "kucoin":  # it has no stop orders: there a tick does it
        trading.wait(lambda: any(row["stop_price"] for row in trading.rows()))
    sim.exchange.set_price(trading.symbol, D("97.9"))
    trading.wait(lambda: not any(row["is_held"] for row in trading.rows()), 20)
    sold = [one for one in trading.fills() if one["side"] == "sell"]
    assert sum(one["quantity"] for one in sold) == pytest.approx(D("0.5"), abs=D("0.001"))
    assert {row["exit_reason"] for row in trading.rows() if row["side"] == "sell"} == {"stop"}


def test_a_target_is_taken_though_a_stop_held_the_coins(trading, sim):
    trading.wait_status(trading.approve(), "filled")
    sim.exchange.set_price(trading.symbol, D(110))
    trading.wait(lambda: not any(row["is_held"] for row in trading.rows()), 20)
    reasons = {row["exit_reason"] for row in trading.rows() if row["filled_quantity"]}
    assert reasons == {None, "target"}


def test_an_order_the_venue_refuses_is_rejected_and_says_why(trading):
    decision = trading.approve(quantity=D(50_000), limit_price=PRICE)
    row = trading.wait_status(decision, "rejected", "not_sent")
    assert row["detail"]
    assert topics(trading)[-1] in ("order.rejected", "order.expired")


def test_a_resting_entry_is_canceled_on_request_and_only_then_ended(sqlite_engine, sim):
    with Trading(sqlite_engine, sim, time_in_force="gtc") as trading:
        trading.ready()
        decision = trading.approve(limit_price=D(95))
        row = trading.wait_status(decision, "open")
        answer = ask(trading, "POST", f"/orders/{row['client_order_id']}/cancel")
        assert answer.status_code == 200
        trading.wait_status(decision, "canceled")
        (order,) = accepted(sim)
        assert order.state == "canceled"
        again = ask(trading, "POST", f"/orders/{row['client_order_id']}/cancel")
        assert again.status_code == 409


def test_the_kill_switch_cancels_resting_entries_within_two_seconds(sqlite_engine, sim):
    with Trading(sqlite_engine, sim, time_in_force="gtc") as trading:
        trading.ready()
        decisions = [trading.approve(limit_price=D(95), quantity=D("0.1")) for _ in range(3)]
        for decision in decisions:
            trading.wait_status(decision, "open")
        halted_at = time.monotonic()
        trading.say_state(TradingState.HALT)
        trading.wait(lambda: all(one.state == "canceled" for one in accepted(sim)), 5)
        assert time.monotonic() - halted_at < 5
        late = trading.approve()
        assert trading.wait_status(late, "not_sent")["detail"] == "trading is halted"


def test_a_forced_exit_sells_everything_once(trading, sim):
    trading.wait_status(trading.approve(), "filled")
    body, wish = {"symbol": trading.symbol}, {"Idempotency-Key": "leave-it-now"}
    first = ask(trading, "POST", "/forceexit", json=body, headers=wish)
    again = ask(trading, "POST", "/forceexit", json=body, headers=wish)
    assert first.status_code == 202, first.text
    assert first.json() == again.json()
    trading.wait(lambda: not any(row["is_held"] for row in trading.rows()), 20)
    sold = sum(one["quantity"] for one in trading.fills() if one["side"] == "sell")
    assert sold == pytest.approx(D("0.5"), abs=D("0.001"))


def test_an_order_of_somebody_else_is_told_and_kept_apart(trading, sim):
    order = by_hand(sim, trading)
    trading.wait(lambda: "external_orders.seen" in all_topics(trading), 10)
    with trading.engine.begin() as connection:
        (row,) = connection.execute(select(external_orders)).all()
    assert (row.quantity, row.is_open) == (D("0.2"), True)
    sim.exchange.cancel("main", order.venue_order_id)
    trading.wait(lambda: not externals(trading)[0].is_open, 15)
    assert trading.rows() == []


def externals(trading):
    with trading.engine.begin() as connection:
        return connection.execute(select(external_orders)).all()


def all_topics(trading):
    with trading.engine.begin() as connection:
        return set(connection.execute(select(event_log.c.topic)).scalars())


def test_an_order_of_ours_that_no_row_knows_is_adopted_and_freezes_its_instrument(trading, sim):
    lost = client_order_id("paper", ACCOUNT, DecisionId(derive("decision", "lost")))
    by_hand(sim, trading, client_order_id=lost)
    trading.wait(trading.rows, 10)
    (row,) = trading.rows()
    assert (row["client_order_id"], row["status"]) == (lost, "open")
    trading.wait(lambda: "venue.surprised" in all_topics(trading))
    refused = trading.approve()
    assert "frozen" in trading.wait_status(refused, "not_sent")["detail"]
    freezes = ask(trading, "GET", "/freezes").json()
    assert [(one["symbol"], one["kind"]) for one in freezes] == [(trading.symbol, "adopted")]
    assert ask(trading, "DELETE", f"/freezes/{trading.symbol}").json() == []
    trading.wait_status(trading.approve(), "filled")


def test_an_order_of_ours_that_no_row_knows_is_adopted_though_it_has_filled(sqlite_engine, sim):
    lost = client_order_id("paper", ACCOUNT, DecisionId(derive("decision", "lost")))
    trading = Trading(sqlite_engine, sim)
    by_hand(sim, trading)
    by_hand(sim, trading, client_order_id="by-hand-2", limit_price=D(110))
    by_hand(sim, trading, client_order_id=lost, limit_price=D(110))
    with trading.start().ready():
        (row,) = trading.rows()
        assert (row["client_order_id"], row["status"]) == (lost, "filled")
        (fill,) = trading.fills()
        assert (fill["client_order_id"], fill["quantity"]) == (lost, D("0.2"))
        assert [one.kind for one in frozen(trading)] == ["adopted"]


def test_an_order_of_another_environment_is_nobody_of_ours(trading, sim):
    for mode in ("live", "mock"):
        theirs = client_order_id(mode, ACCOUNT, DecisionId(derive("decision", mode)))
        by_hand(sim, trading, client_order_id=theirs)
    trading.wait(lambda: len(externals(trading)) == 2, 10)
    assert trading.rows() == []


ONE_VENUE = pytest.mark.parametrize(
    "sim",
    [pytest.param(one, marks=() if one == VENUES[0] else pytest.mark.long) for one in VENUES],
    indirect=True,
)


@ONE_VENUE
def test_coins_that_come_from_nowhere_freeze_their_instrument_until_they_are_accepted(trading, sim):
    sim.exchange.deposit("main", "BTC", D(3))
    trading.wait(lambda: frozen(trading), 25)
    assert "the venue holds 3 BTC, the books explain 0" in frozen(trading)[0].detail
    wish = {"Idempotency-Key": "three-of-them"}
    for _ in range(2):
        answer = ask(trading, "POST", "/baselines", json={"asset": "BTC"}, headers=wish)
        assert answer.json() == {"asset": "BTC", "amount": "3"}
    ask(trading, "DELETE", f"/freezes/{trading.symbol}")
    agreed = ask(trading, "POST", "/reconcile").json()
    assert agreed == {"agrees": True, "differences": []}


def frozen(trading):
    with trading.engine.begin() as connection:
        return connection.execute(select(frozen_symbols)).all()


def test_money_that_is_missing_stops_every_entry(trading, sim):
    quote = QUOTE[sim.venue]
    sim.exchange.deposit("main", quote, -FUNDS / 2)
    trading.wait(lambda: not ask(trading, "POST", "/reconcile").json()["agrees"], 15)
    decision = trading.approve()
    assert "frozen" in trading.wait_status(decision, "not_sent")["detail"]


def test_it_says_where_it_trades_and_that_it_is_ready(trading, sim):
    (venue,) = ask(trading, "GET", "/venues").json()
    assert (venue["name"], venue["is_in_process"], venue["problem"]) == (sim.venue, False, None)
    assert {one["symbol"] for one in venue["instruments"]} >= {trading.symbol}
    assert ask(trading, "GET", "/health/ready").status_code == 200


def test_bad_wishes_are_refused_with_the_field_and_the_remedy(trading):
    wish = {"Idempotency-Key": "much-wow"}
    unknown = ask(trading, "POST", "/baselines", json={"asset": "DOGE"}, headers=wish)
    assert (unknown.status_code, unknown.json()["reason"]) == (422, "bad_input")
    assert "one of BTC" in unknown.text
    assert ask(trading, "DELETE", "/freezes/DOGE-USD").status_code == 404
    evidence = {"evidence": "seen on the venue's page"}
    gone = "/orders/f102220c-0000-8000-8000-000000000000/close"
    wish = {"Idempotency-Key": "nothing-is-there"}
    assert ask(trading, "POST", gone, json=evidence, headers=wish).status_code == 404
    assert ask(trading, "POST", gone, json={"evidence": "no"}, headers=wish).status_code == 422
    assert ask(trading, "POST", gone, json=evidence).status_code == 422
    assert ask(trading, "DELETE", f"/freezes/{trading.symbol}").status_code == 404
    wish = {"Idempotency-Key": "nothing-is-held"}
    nothing = ask(trading, "POST", "/forceexit", json={"all": True}, headers=wish)
    assert nothing.status_code == 404
