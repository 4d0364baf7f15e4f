"""An executor that trades at a simulated venue over HTTP: everything real but the venue's owner."""

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, select, update

from executor.app import build
from executor.settings import ExecutorSettings
from executor.tables import fills, order_events, orders
from shared.bus.consumer import is_idle
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.control import control
from shared.domain.clock import SystemClock
from shared.domain.enums import ExitReason, Purpose, Side, TradingState
from shared.domain.events import RecommendationApproved, TradingStateChanged
from shared.domain.ids import AccountId, DecisionId, RecommendationId, Symbol, derive
from shared.runtime.serve import Platform
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from simulator.server import running_simulator
from tests.builders import APPROVED, PLAN
from venues.port import VenueName

D = Decimal
ACCOUNT = AccountId("paper-main")
QUOTE = {VenueName.COINBASE: "USD", VenueName.BINANCE_US: "USDT", VenueName.KUCOIN: "USDT"}
PRICE = D(100)
FUNDS = D(100_000)
HALF = D("0.5")
QUICK = {"open_orders_seconds": 3.0, "reconcile_seconds": 5.0, "tick_seconds": 0.2}


def symbol_at(venue, base="BTC"):
    return Symbol(f"{base}-{QUOTE[VenueName(venue)]}")


@contextmanager
def exchange(venue, seed=7, **more):
    """A simulated venue where BTC and ETH stand at 100."""
    symbols = (symbol_at(venue), symbol_at(venue, "ETH"))
    prices = dict.fromkeys(symbols, PRICE)
    funds = {QUOTE[VenueName(venue)]: FUNDS}
    with running_simulator(venue, seed=seed, prices=prices, funds=funds, **more) as sim:
        yield sim


def key_environment(sim):
    """What the operator exports to use the simulator."""
    prefix = sim.venue.upper()
    return {
        f"{prefix}_API_KEY": sim.key.key,
        f"{prefix}_API_SECRET": sim.key.secret,
        f"{prefix}_API_PASSPHRASE": sim.key.passphrase,
    }


class Trading:
    """One running executor; `approve` says what risk would say."""

    def __init__(self, engine, sim, **settings):
        self.engine, self.sim, self.venue = engine, sim, sim.venue
        self.symbol = symbol_at(sim.venue)
        self.settings = {**QUICK, **settings}
        self.clock = SystemClock()
        os.environ.update(key_environment(sim))
        self.platform_settings = PlatformSettings(
            trading_mode="paper",
            trading_api_keys="admin:" + "a1b2c3d4e5" * 4,
            market={
                "venue": sim.venue,
                "instruments": (symbol_at(sim.venue), symbol_at(sim.venue, "ETH")),
                "interval": "1m",
            },
        )
        with engine.begin() as connection:
            known = connection.execute(select(control.c.account)).scalar()
            if known is None:
                row = {"account": ACCOUNT, "state": TradingState.RUN, "version": 1,
                       "actor": "test", "reason": "start", "changed_at": self.clock.now()}  # fmt: skip
                connection.execute(insert(control), [row])
        self.platform = None
        self.said = 0

    def start(self):
        bell = InProcessDoorbell()
        self.runtime = Runtime(
            settings=self.platform_settings,
            clock=self.clock,
            doorbell=bell,
            transactions=lambda name: Transactions(self.engine, self.clock, bell, name),
        )
        address = {"venue_url": self.sim.url, "venue_stream_url": self.sim.stream_url}
        told = ExecutorSettings(**{"venue": self.venue, **address, **self.settings})
        self.service = build(told, self.runtime)
        self.platform = Platform([self.service], self.runtime)
        self.platform.start()
        return self

    def stop(self):
        if self.platform is not None:
            self.platform.shut_down()
            self.platform = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def wait(self, condition, seconds=15.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        raise TimeoutError(f"not within {seconds} s: {self.rows()}")

    def ready(self):
        checks = self.service.api.state.checks
        self.wait(lambda: all(check.problem() is None for check in checks))
        return self

    def approve(self, side=Side.BUY, quantity=HALF, limit_price=None, **changes):
        """Say one approval; return the id of the order it will become."""
        self.said += 1
        now = datetime.now(UTC)
        recommended = RecommendationId(derive("recommendation", str(self.said), now.isoformat()))
        decision = DecisionId(derive("decision", recommended))
        limit = limit_price or (PRICE * D("1.01") if side is Side.BUY else PRICE * D("0.99"))
        values = {
            "decision_id": decision, "recommendation_id": recommended, "account": ACCOUNT,
            "symbol": self.symbol, "side": side,
            "purpose": Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
            "quantity": quantity, "price": PRICE, "limit_price": limit,
            "notional": quantity * PRICE, "decided_at": now,
            "expires_at": now + timedelta(seconds=60),
            "bracket": PLAN if side is Side.BUY else None,
            "exit_reason": None if side is Side.BUY else ExitReason.HORIZON,
        }  # fmt: skip
        approved = replace(APPROVED, **{**values, **changes})
        with self.runtime.transactions("risk").begin() as uow:
            uow.emit(RecommendationApproved(approved=approved))
        return decision

    def say_state(self, state, version=2):
        """Change the trading state as risk does: the row and the fact in one commit."""
        with self.runtime.transactions("risk").begin() as uow:
            uow.connection.execute(update(control).values(state=state, version=version))
            fact = TradingStateChanged(
                account=ACCOUNT, state=state, version=version, actor="test", reason="by hand",
                changed_at=uow.now,
            )  # fmt: skip
            uow.emit(fact)

    def rows(self):
        with self.engine.begin() as connection:
            return [row._asdict() for row in connection.execute(select(orders))]

    def row(self, decision):
        return next((one for one in self.rows() if one["decision_id"] == decision), None)

    def status(self, decision):
        row = self.row(decision)
        return None if row is None else row["status"]

    def wait_status(self, decision, *wanted, seconds=15.0):
        self.wait(lambda: self.status(decision) in wanted, seconds)
        return self.row(decision)

    def fills(self):
        with self.engine.begin() as connection:
            return [row._asdict() for row in connection.execute(select(fills))]

    def events(self, decision):
        identity = self.row(decision)["client_order_id"]
        with self.engine.begin() as connection:
            found = connection.execute(
                select(order_events.c.kind).where(order_events.c.client_order_id == identity)
            )
            return list(found.scalars())

    def is_quiet(self):
        return is_idle(self.runtime.transactions("test"))
