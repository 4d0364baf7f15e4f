"""The tasks of one executor on a real database, at a venue that says what a test tells it to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, select

from executor.core.claiming import Ceilings
from executor.core.planning import OrderPolicy, plan
from executor.core.protecting import Guard
from executor.core.steps import approve
from executor.handlers.journal import Journal
from executor.tables import fills, frozen_symbols, orders
from executor.tasks.board import Board
from executor.tasks.leading import Leader, Leadership
from executor.tasks.line import Line, Pauses
from executor.tasks.looking import Looker
from executor.tasks.sending import Sender
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.control import control
from shared.domain.clock import FollowingClock, SystemClock
from shared.domain.enums import (
    Liquidity,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from shared.domain.ids import TradeId, VenueOrderId
from shared.domain.venue import (
    Accepted,
    ClockReading,
    OrderReport,
    TopOfBook,
    TradingRules,
    VenueFill,
)
from shared.runtime.service import new_metrics
from tests.builders import ACCOUNT, BTC
from tests.unit.executor.executor_builders import INSTRUMENT, approval

D = Decimal
NOTHING = timedelta()
POLICY = OrderPolicy(mode="paper", venue="kucoin")
RULES = TradingRules(
    instrument=INSTRUMENT, venue_symbol="BTCUSDT", min_quantity=D("0.001"), max_quantity=None,
    max_notional=None, market_lot_size=None, is_trading=True, is_limit_only=False,
    is_post_only=False, is_cancel_only=False, order_types=frozenset(OrderType),
    time_in_forces=frozenset(TimeInForce),
)  # fmt: skip


class SaidVenue:
    """`answer` is what an order hears, `found` what is listed; what is None raises nothing."""

    name = "kucoin"

    def __init__(self):
        self.requests = []
        self.finality = timedelta(seconds=30)
        self.answer: Callable = lambda request: Accepted(venue_order_id=VenueOrderId("v1"))
        self.report: OrderReport | None = None
        self.listed: list[OrderReport] = []
        self.told: list[VenueFill] = []
        self.error: Exception | None = None
        self.looks = 0

    def submit(self, request):
        self.requests.append(request)
        return self.answer(request)

    def find_order(self, ref):
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.report

    def recent_orders(self, symbol, since):
        return self.listed

    def fills(self, symbol, since, ref=None):
        return self.told

    def top_of_book(self, symbol):
        now = SystemClock().now()
        return TopOfBook(
            symbol=symbol, bid=D(99), bid_quantity=D(9), ask=D(100), ask_quantity=D(9), at=now
        )


class VenueRoom:
    """One process: `Sender`, `Looker` and `Leader` as they run, each step at the test's word."""

    def __init__(self, engine, venue, name="one", clock=None):
        self.engine, self.venue = engine, venue
        self.clock = clock or FollowingClock(SystemClock().now())
        transactions = Transactions(engine, self.clock, InProcessDoorbell(), "executor")
        metrics = new_metrics()
        self.reached: Callable[[str], None] = lambda _point: None

        def reach(point):
            self.reached(point)

        journal = Journal(
            transactions=transactions,
            account=ACCOUNT,
            venue="kucoin",
            metrics=metrics,
            reach=reach,
            lots={BTC: INSTRUMENT.lot_size},
        )
        self.line = Line(
            account=ACCOUNT, mode="paper", venue=venue, symbols=(BTC,), transactions=transactions,
            journal=journal, board=Board(clock=self.clock), leadership=Leadership(holder=name),
            policy=POLICY,
            ceilings=Ceilings(
                max_order_notional=None, max_orders_per_minute=9,
                max_quote_age=timedelta(hours=2), collar_ratio=D("0.05"),
            ),
            guard=Guard(
                mode="paper", collar_ratio=D("0.05"), exit_type=OrderType.MARKET,
                uses_native_stops=False,
            ),
            pauses=Pauses(), metrics=metrics, reach=reach,
        )  # fmt: skip
        self.sender, self.looker = Sender(line=self.line), Looker(line=self.line)
        self.leader = Leader(
            leadership=self.line.leadership, account=ACCOUNT, transactions=transactions,
            metrics=metrics,
        )  # fmt: skip
        self.line.board.learn_rules({BTC: RULES})
        self.see_clock(self.clock.now())

    def see_clock(self, venue_now):
        """Have the venue's clock be read as showing this."""
        self.clock.observe(venue_now)
        self.line.board.learn_clock(
            ClockReading(offset=venue_now - self.clock.now(), round_trip=NOTHING)
        )

    def lead(self):
        self.leader.renew()
        self.line.board.recovered = self.line.leadership.token
        return self

    def approve(self, number=0, **changes):
        """Make an order that waits to be claimed; return its id."""
        now = SystemClock().now()
        wanted = {"decided_at": now, "expires_at": now + timedelta(minutes=1), **changes}
        order = plan(approval(hour=number, **wanted), POLICY)
        self.line.transactions.attempt(
            lambda uow: self.line.journal.take_in(uow, [approve(order, uow.now)])
        )
        return order.client_order_id

    def send(self, identity):
        self.sender.send_one(identity, BTC, self.line.leadership.token)

    def row(self, identity):
        with self.engine.connect() as connection:
            found = connection.execute(select(orders).where(orders.c.client_order_id == identity))
            return found.one()

    def status(self, identity):
        return self.row(identity).status

    def fills(self):
        with self.engine.connect() as connection:
            return connection.execute(select(fills)).all()

    def frozen(self):
        with self.engine.connect() as connection:
            return [row.kind for row in connection.execute(select(frozen_symbols))]


def open_account(engine):
    row = {"account": ACCOUNT, "state": TradingState.RUN, "version": 1, "actor": "test",
           "reason": "start", "changed_at": SystemClock().now()}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(control), [row])


def reported(identity, status=OrderStatus.FILLED, filled=1, venue_id="v1"):
    return OrderReport(
        client_order_id=identity, venue_order_id=VenueOrderId(venue_id), symbol=BTC, side=Side.BUY,
        order_type=OrderType.LIMIT, status=status, quantity=D(1), limit_price=D(100),
        filled_quantity=D(str(filled)), at=SystemClock().now(),
    )  # fmt: skip


def executed(number, quantity, venue_id="v1", at=None):
    return VenueFill(
        trade_id=TradeId(f"t{number}"), venue_order_id=VenueOrderId(venue_id), client_order_id=None,
        symbol=BTC, side=Side.BUY, quantity=D(str(quantity)), price=D(100), fee=D(0),
        fee_asset="USDT", liquidity=Liquidity.TAKER, filled_at=at or datetime(2024, 1, 1, tzinfo=SystemClock().now().tzinfo),
    )  # fmt: skip
