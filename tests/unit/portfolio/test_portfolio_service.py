"""Portfolio on real databases, through the real bus."""

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import insert, select

from portfolio.app import build
from portfolio.core.ledger import balances_of, fill_entries, imbalance
from portfolio.repository import books, reports
from portfolio.settings import PortfolioSettings
from portfolio.tables import bookings, ledger_entries
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.domain.bracket import BracketPlan
from shared.domain.candle import Candle
from shared.domain.clock import FollowingClock
from shared.domain.enums import (
    Interval,
    Liquidity,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from shared.domain.events import AccountReconciled, CandlesClosed, OrderFilled
from shared.domain.ids import (
    AccountId,
    ClientOrderId,
    DecisionId,
    RecommendationId,
    Symbol,
    TradeId,
)
from shared.domain.order import Fill, OrderSnapshot
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings

START = datetime(2024, 1, 1, tzinfo=UTC)
ACCOUNT = AccountId("mock-main")
KEY = "k" * 40
D = Decimal


class Http:
    """Asks an application without a socket."""

    def __init__(self, api, key=None):
        self._api = api
        self._headers = {} if key is None else {"X-TRADING-API-KEY": key}

    def get(self, path):
        return asyncio.run(self._ask("GET", path, None))

    def post(self, path, json):
        return asyncio.run(self._ask("POST", path, json))

    async def _ask(self, method, path, body):
        transport = httpx.ASGITransport(app=self._api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://portfolio", headers=self._headers
        ) as client:
            return await client.request(method, path, json=body)


class Desk:
    """A running portfolio whose facts a test says by hand."""

    def __init__(self, engine, symbols=("BTC-USDT", "ETH-USDT"), keys=f"trade:{KEY}", **settings):
        platform = PlatformSettings(trading_api_keys=keys, market={"instruments": symbols})
        self.settings = PortfolioSettings(**settings)
        clock, bell = FollowingClock(), InProcessDoorbell()
        self.transactions = Transactions(engine, clock, bell, "test")
        self.runtime = Runtime(
            settings=platform,
            clock=clock,
            doorbell=bell,
            transactions=lambda name: Transactions(engine, clock, bell, name),
        )
        self.restart()

    def restart(self):
        self.service = build(self.settings, self.runtime)
        self.consumer = Consumer(
            "portfolio", self.runtime.transactions("portfolio"), self.service.handlers, 1.0
        )
        self.consumer.subscribe()
        self.http = Http(self.service.api, KEY)

    def say(self, *facts):
        with self.transactions.begin() as uow:
            for fact in facts:
                uow.emit(fact)
        while self.consumer.handle_waiting():
            pass

    def said(self, topic):
        with self.transactions.read() as connection:
            rows = connection.execute(
                select(event_log.c.event_id)
                .where(event_log.c.topic == topic)
                .order_by(event_log.c.seq)
            ).all()
            return [one.event for one in _events(connection, topic)] if rows else []


def _events(connection, topic):
    from shared.bus.history import COLUMNS, envelope_of

    statement = select(*COLUMNS).where(event_log.c.topic == topic).order_by(event_log.c.seq)
    return [envelope_of(row) for row in connection.execute(statement)]


def candles(hour, shard=0, **closes):
    at = START + timedelta(hours=hour)
    return CandlesClosed(
        venue="synthetic",
        interval=Interval.H1,
        closed_at=at,
        shard=shard,
        references=(),
        candles=tuple(
            Candle(
                symbol=Symbol(f"{base}-USDT"),
                open_at=at - timedelta(hours=1),
                closed_at=at,
                open=D(close),
                high=D(close),
                low=D(close),
                close=D(close),
                volume=D(1),
            )
            for base, close in closes.items()
        ),
    )


def filled(trade, side, quantity, price, hour, *, fee="0.1", base="BTC"):
    entry = side is Side.BUY
    at = START + timedelta(hours=hour)
    symbol = Symbol(f"{base}-USDT")
    purpose = Purpose.ENTRY if entry else Purpose.EXIT
    order = OrderSnapshot(
        client_order_id=ClientOrderId(f"o-{trade}"),
        decision_id=DecisionId("d"),
        recommendation_id=RecommendationId("r"),
        account=ACCOUNT,
        venue="simulated",
        symbol=symbol,
        interval=Interval.H1,
        side=side,
        purpose=purpose,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=D(quantity),
        price=D(price),
        limit_price=D(price),
        filled_quantity=D(quantity),
        status=OrderStatus.FILLED,
        decided_at=at,
        updated_at=at,
        bracket=BracketPlan(stop_ratio=0.02, target_ratio=0.02, horizon_candles=4)
        if entry
        else None,
    )
    fill = Fill(
        trade_id=TradeId(trade),
        client_order_id=order.client_order_id,
        account=ACCOUNT,
        venue="simulated",
        symbol=symbol,
        side=side,
        purpose=purpose,
        quantity=D(quantity),
        price=D(price),
        reference_price=D(price),
        fee=D(fee),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=at,
    )
    return OrderFilled(order=order, fill=fill)


def reconciled(hour, shard=0):
    at = START + timedelta(hours=hour)
    return AccountReconciled(account=ACCOUNT, venue="simulated", as_of=at, shard=shard)


def assert_the_books_balance(desk):
    with desk.transactions.read() as connection:
        entries = reports.ledger(connection)
        owned = books.balances_of_account(connection, ACCOUNT)
        positions = books.positions_of_account(connection, ACCOUNT)
    assert imbalance(entries) == {}
    recomputed = balances_of(ACCOUNT, entries)
    assert {asset: free for asset, free in owned.items() if free} == {
        asset: free for asset, free in recomputed.items() if free
    }
    for position in positions:
        assert position.quantity == owned.get(position.symbol.split("-")[0], D(0))


def a_short_story(desk):
    desk.say(candles(1, BTC="100", ETH="10"))
    desk.say(reconciled(1))
    desk.say(candles(2, BTC="110", ETH="10"))
    desk.say(filled("t1", Side.BUY, "1.5", "101", 2), reconciled(2))
    desk.say(candles(3, BTC="90", ETH="10"))
    desk.say(filled("t2", Side.SELL, "0.5", "95", 3), reconciled(3))
    desk.say(candles(4, BTC="120", ETH="10"))
    desk.say(filled("t3", Side.SELL, "1", "119", 4), reconciled(4))


def test_fills_move_positions_cash_and_equity(engine):
    desk = Desk(engine)
    a_short_story(desk)
    marks = desk.said("equity.marked")
    assert [one.equity for one in marks] == [D("10000"), D("10013.4"), D("9985.8"), D("10014.7")]
    assert [one.cash for one in marks] == [D("10000"), D("9848.4"), D("9895.8"), D("10014.7")]
    assert marks[2].drawdown_ratio > 0
    assert marks[3].realized_pnl == D("14.7")
    assert marks[3].fees == D("0.3")
    assert marks[3].positions == ()
    changes = desk.said("position.changed")
    assert [one.quantity for one in changes] == [D("1.5"), D("1"), D("0")]
    assert_the_books_balance(desk)


def test_a_mark_says_up_to_which_booking_it_goes_and_each_change_which_one_it_follows(engine):
    desk = Desk(engine)
    a_short_story(desk)
    desk.say(filled("t4", Side.BUY, "1", "119", 4), filled("t5", Side.BUY, "1", "119", 4))
    with desk.transactions.read() as connection:
        known = {row.source_id: row.seq for row in connection.execute(select(bookings))}
    changes = desk.said("position.changed")
    expected = [known[f"simulated:{ACCOUNT}:{one.trade_id}"] for one in changes]
    assert [one.booking for one in changes] == expected == [2, 3, 4, 5, 6]
    assert [one.bookings for one in desk.said("equity.marked")] == [1, 2, 3, 4]


def test_a_round_trip_that_closed_is_told_with_what_it_earned(engine):
    desk = Desk(engine)
    a_short_story(desk)
    (closed,) = desk.said("round_trip.closed")
    assert (closed.account, closed.symbol, closed.trip_id) == (
        ACCOUNT,
        "BTC-USDT",
        f"simulated:{ACCOUNT}:t1",
    )
    assert (closed.cost, closed.pnl) == (D("151.6"), D("14.7"))
    assert (closed.opened_at.hour, closed.closed_at.hour) == (2, 4)


def test_a_restart_and_a_second_telling_change_nothing(engine):
    desk = Desk(engine)
    a_short_story(desk)
    before = desk.said("equity.marked"), desk.http.get("/positions?include_closed=true").json()
    desk.restart()
    again = filled("t3", Side.SELL, "1", "119", 4)
    handler = desk.service.handlers["order.filled"]
    with desk.transactions.begin() as uow:
        handler([_envelope(again)], uow)
        assert uow.events == ()
    for topic, fact in (
        ("candles.closed", candles(4, BTC="120", ETH="10")),
        ("account.reconciled", reconciled(4)),
    ):
        with desk.transactions.begin() as uow:
            desk.service.handlers[topic]([_envelope(fact)], uow)
            assert uow.events == ()
    assert (
        desk.said("equity.marked"),
        desk.http.get("/positions?include_closed=true").json(),
    ) == before
    assert_the_books_balance(desk)


def _envelope(event):
    from shared.bus.envelope import Envelope, event_id

    return Envelope(
        event_id=event_id("other", event),
        topic=event.topic,
        occurred_at=START,
        origin_at=START,
        producer="other",
        cause_id=None,
        event=event,
    )


def test_a_fill_told_twice_in_one_batch_is_booked_once(engine):
    desk = Desk(engine)
    desk.say(candles(1, BTC="100", ETH="10"))
    fact = filled("t1", Side.BUY, "1", "100", 1)
    with desk.transactions.begin() as uow:
        desk.service.handlers["order.filled"]([_envelope(fact), _envelope(fact)], uow)
        assert len(uow.events) == 1
    assert_the_books_balance(desk)


def test_equity_is_marked_only_when_every_shard_is_complete(sqlite_engine):
    symbols = tuple(f"C{number:02}-USDT" for number in range(60))
    desk = Desk(sqlite_engine, symbols)
    desk.say(candles(1, 0, C00="1"), reconciled(1, 0), candles(1, 1, C59="1"))
    assert desk.said("equity.marked") == []
    desk.say(reconciled(1, 1))
    assert len(desk.said("equity.marked")) == 1
    desk.say(reconciled(2, 0), reconciled(2, 1), candles(2, 1, C59="1"))
    assert len(desk.said("equity.marked")) == 1
    desk.say(candles(2, 0, C00="1"))
    assert [one.as_of.hour for one in desk.said("equity.marked")] == [1, 2]


def test_a_crash_before_the_commit_leaves_everything_to_be_done_again(engine):
    desk = Desk(engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))

    def die(_producer, phase):
        if phase == "before":
            raise RuntimeError("killed")

    crashing = Transactions(engine, desk.runtime.clock, desk.runtime.doorbell, "portfolio", die)
    with desk.transactions.begin() as uow:
        uow.emit(candles(2, BTC="100", ETH="10"))
        uow.emit(filled("t1", Side.BUY, "1", "100", 2))
        uow.emit(reconciled(2))
    with pytest.raises(RuntimeError, match="killed"):
        Consumer("portfolio", crashing, desk.service.handlers, 1.0).handle_waiting()
    with desk.transactions.read() as connection:
        assert len(connection.execute(select(ledger_entries)).all()) == 2
    desk.restart()
    desk.say()
    assert [one.quantity for one in desk.said("position.changed")] == [D("1")]
    assert desk.said("equity.marked")[-1].equity == D("9999.9")
    assert_the_books_balance(desk)


def test_the_routes_answer_before_the_first_candle(sqlite_engine):
    desk = Desk(sqlite_engine)
    assert desk.http.get("/status").json()["equity"] == "10000"
    assert desk.http.get("/balance").json() == [
        {"asset": "USDT", "free": "10000", "aside": "0", "fees": "0"}
    ]
    for path in ("/positions", "/profit", "/performance", "/equity", "/trades", "/tax-lots"):
        assert desk.http.get(path).status_code == 200, path


def test_the_routes_tell_the_story(engine):
    desk = Desk(engine)
    a_short_story(desk)
    desk.say(
        candles(5, BTC="120", ETH="10"), filled("t4", Side.BUY, "0.1", "120", 5), reconciled(5)
    )
    profit = desk.http.get("/profit").json()
    assert (profit["realized_pnl"], profit["trades"], profit["winners"]) == ("14.7", 1, 1)
    (trade,) = desk.http.get("/trades").json()["items"]
    assert (trade["pnl"], trade["quantity"], trade["fees"]) == ("14.7", "1.5", "0.3")
    (lot,) = desk.http.get("/tax-lots?symbol=BTC-USDT").json()["items"]
    assert lot["remaining"] == "0.1"
    (position,) = desk.http.get("/positions").json()
    assert (position["cost_basis"], position["unrealized_pnl"]) == ("12.1", "-0.1")
    page = desk.http.get("/equity?limit=3").json()
    rest = desk.http.get(f"/equity?limit=3&cursor={page['next_cursor']}").json()
    assert len(page["items"]) == 3
    assert len(rest["items"]) == 2
    assert rest["next_cursor"] is None
    figures = desk.http.get("/performance").json()
    assert (figures["candles"], figures["trades"], figures["win_rate"]) == (4, 1, 1.0)
    metrics = desk.http.get("/metrics").text
    assert "portfolio_equity_quote 10014.6" in metrics


def test_profit_is_measured_from_what_was_booked(engine):
    a_short_story(Desk(engine))
    changed = Desk(engine, opening_balance=D(50_000))
    profit = changed.http.get("/profit").json()
    assert (profit["opening_balance"], profit["return_ratio"]) == ("10000", "0.00147")


def test_an_account_opened_with_nothing_has_no_return(sqlite_engine):
    desk = Desk(sqlite_engine, opening_balance=D(0))
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    assert desk.http.get("/profit").json()["return_ratio"] is None
    later = Desk(sqlite_engine)
    assert later.http.get("/profit").json()["opening_balance"] == "0"
    assert later.http.get("/performance").json()["return_ratio"] == 0.0
    desk.say(candles(2, BTC="100", ETH="10"), reconciled(2))
    assert later.http.get("/performance").json()["return_ratio"] is None


def test_turnover_is_that_of_one_account(engine):
    desk = Desk(engine)
    a_short_story(desk)
    before = desk.http.get("/performance").json()["turnover"]
    assert before == pytest.approx((1.5 * 101 + 0.5 * 95 + 119) / 10_000, rel=1e-3)
    fill = filled("other", Side.BUY, "50", "100", 3).fill
    with desk.transactions.begin() as uow:
        legs = fill_entries(replace(fill, account=AccountId("another")))
        uow.connection.execute(
            insert(ledger_entries),
            [asdict(leg) | {"account": "another", "booking": 1} for leg in legs],
        )
    assert desk.http.get("/performance").json()["turnover"] == before


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/equity?cursor=nonsense", 422, "bad_input"),
        ("/equity?from=2024-01-01T00:00:00", 422, "bad_input"),
        ("/performance?from=2024-02-01T00:00:00Z&to=2024-01-01T00:00:00Z", 422, "bad_input"),
        ("/trades?limit=0", 422, "bad_input"),
        ("/tax-lots?limit=5000", 422, "bad_input"),
        ("/nothing", 404, "not_found"),
    ],
)
def test_bad_questions_get_a_clear_answer(sqlite_engine, path, status, reason):
    answer = Desk(sqlite_engine).http.get(path)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_no_key_no_answer(sqlite_engine):
    desk = Desk(sqlite_engine)
    assert Http(desk.service.api).get("/status").status_code == 401


def test_candles_of_another_interval_do_not_move_the_marks(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(replace(candles(2, BTC="999", ETH="10"), interval=Interval.M1), reconciled(2))
    assert len(desk.said("equity.marked")) == 1
