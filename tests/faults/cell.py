"""One cell of the matrix: a real executor, a simulated venue, one fault at one moment, a verdict."""

import shutil
import time
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from threading import BrokenBarrierError, Lock

from executor.repository.freezes import frozen
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import OrderType, Side, TradingState
from simulator.server import Hosting
from simulator.wire.port import Operation, RateLimits
from tests.builders import PLAN
from tests.contract.venue_desk import counted
from tests.faults.golden import ABSENT, ACCEPTED, FOUND, NOT_SENT, REFUSED, STANDS, classes
from tests.faults.quickly import BEFORE
from tests.venue_world import ACCOUNT, Trading, exchange

D = Decimal
SETTLED_WITHIN = 30.0
UNSETTLED = {"approved", "sending", "unknown", "partial", "canceling", "fills_missing", "conflict"}
NEVER_THERE = {"rejected": REFUSED, "not_sent": NOT_SENT, "absent": ABSENT}
OF_CONNECTIONS = ("connect_refused", "tls_cut")
OF_THE_EXCHANGE = ("stale_reads", "clock_skew")
LARGEST_OFFSET = 1.0
UNANSWERED = "unanswered"
TYPES = {"limit": OrderType.LIMIT, "market": OrderType.MARKET, "stop": OrderType.STOP_LIMIT}
TIMES = 3  # how many questions in a row a fault of a question hits


class TakenOtherwise(AssertionError):
    """The fault was taken for another one: a request that was late is refused for its date."""


# What a busy machine alone can bring about. An order lost, doubled or mistaken is none of these.
OF_HASTE = (TimeoutError, BrokenBarrierError, TakenOtherwise)


def empty_copy(template, folder):
    """Return an empty database in `folder`."""
    folder.mkdir(parents=True)
    shutil.copy(template, folder / "trading.sqlite")
    return connect(DatabaseAddress(file=folder / "trading.sqlite"))


@contextmanager
def trading_at(venue, engine, *, tls_folder=None, **settings):
    """An executor that is not started yet; `asked` counts what reached the venue."""
    asked = Counter()
    house, make_wire = counted(venue, asked)
    free = RateLimits(is_enforced=False)  # their limits are a test of their own
    hosting = Hosting(house=house, make_wire=make_wire, tls_folder=tls_folder, limits=free)
    with exchange(venue, hosting=hosting) as sim:
        if tls_folder is not None:
            settings["venue_authority"] = sim.address.authority
        trading = Trading(engine, sim, open_orders_seconds=1.0, **settings)
        trading.asked = asked
        try:
            yield trading
        finally:
            trading.stop()
            engine.dispose()


STARTING = Lock()  # models of pydantic are not built in two threads at once


def started(trading):
    with STARTING:
        trading.start()
    return trading.ready()


def line_of(trading):
    """Return what the executor's tasks share."""
    (keeper,) = (one for one in trading.service.tasks if one.name == "timekeeper")
    return keeper.run.__self__.line


def until(condition, what, seconds=SETTLED_WITHIN):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.1)
    return found


class Cell:
    """Brings one order to the moment of one operation, lets the fault happen there, and judges."""

    def __init__(self, trading, fault, operation, order, variant):
        self.trading, self.fault = trading, fault
        self.operation, self.order = operation, order
        self.done, self.word = classes(fault, variant, trading.venue)
        self.has_happened = False

    @property
    def line(self):
        return line_of(self.trading)

    # --- the fault

    def arm(self):
        """Let the fault happen just before the subject's operation is asked for."""
        venue, type_ = self.line.venue, TYPES[self.order]
        if self.operation == "create":
            BEFORE.do(venue, "submit", lambda one: one.order_type is type_, self.happen)
        elif self.operation == "cancel":
            BEFORE.do(venue, "cancel", lambda _: True, self.happen)
        elif self.operation == "query" or self.order != "stop":
            BEFORE.do(venue, "submit", lambda one: one.order_type is type_, self.lose_answer)

    def lose_answer(self):
        """Put the subject in doubt: it will be asked for, and then the fault happens."""
        lost = {"match": {"operation": "create"}, "do": {"fault": "reset_after_accept"}}
        self.trading.sim.plan([lost])
        call = "fills" if self.operation == "fills" else "find_order"
        BEFORE.do(self.line.venue, call, lambda _: self._is_lost(), self.happen)

    def _is_lost(self):
        return any(one["hits"] for one in self.trading.sim.faults())

    def happen(self):
        do = {"fault": self.fault, **self.done}
        if self.fault in OF_CONNECTIONS or self.fault in OF_THE_EXCHANGE:
            rules = [{"do": do}]
        elif self.operation in ("create", "cancel"):
            rules = [{"match": {"operation": self.operation}, "do": do}]
        else:
            asked = {"query": ("query", "history"), "fills": ("fills",)}[self.operation]
            rules = [{"match": {"operation": one, "times": TIMES}, "do": do} for one in asked]
        self.trading.sim.plan(rules)
        self.has_happened = True

    # --- the story

    def play(self):
        trading = self.trading
        if self.order == "limit":
            is_resting = self.operation == "cancel"
            self.arm()
            entry = trading.approve(bracket=PLAN if is_resting else None, **(
                {"limit_price": D(90)} if is_resting else {}
            ))  # fmt: skip
            if is_resting:
                trading.wait_status(entry, "open")
                trading.say_state(TradingState.REDUCE)
        elif self.order == "market":
            entry = trading.approve(bracket=None)
            trading.wait_status(entry, "filled")
            self.arm()
            trading.approve(side=Side.SELL, quantity=D("0.3"))
        else:
            self._with_a_stop()
        until(lambda: self.has_happened, lambda: f"the fault never came: {trading.rows()}", 15)
        self._clock_is_told()

    def _with_a_stop(self):
        trading = self.trading
        if self.operation != "cancel":
            self.arm()
        entry = trading.approve()
        trading.wait_status(entry, "filled")
        if self.operation in ("create", "query"):
            return
        until(lambda: self._stop()["status"] == "open", "no stop rests")
        if self.operation == "cancel":
            self.arm()
            held = trading.row(entry)["open_quantity"]
            trading.approve(side=Side.SELL, quantity=held)
        else:
            BEFORE.do(self.line.venue, "fills", lambda _: True, self.happen)
            trading.sim.exchange.set_price(trading.symbol, D("97.8"))

    def _stop(self):
        found = [one for one in self.trading.rows() if one["order_type"] == "stop_limit"]
        return found[0] if found else {"status": None}

    def _clock_is_told(self):
        if self.fault != "clock_skew":
            return
        if abs(self.done["seconds"]) > LARGEST_OFFSET:
            until(lambda: "clock" in self._problems(), self._problems, 15)
        else:
            time.sleep(1.5)
            if "clock" in self._problems():
                raise TakenOtherwise(self._problems())
        self.trading.sim.plan([])

    def _problems(self):
        checks = self.trading.service.api.state.checks
        return "; ".join(filter(None, (check.problem() for check in checks)))

    # --- the verdict

    def settle(self):
        until(self._is_settled, lambda: (self._problems(), brief(self.trading.rows())))
        time.sleep(0.5)  # nothing comes after it
        if not self._is_settled():
            raise TimeoutError(brief(self.trading.rows()))

    def _is_settled(self):
        rows = self.trading.rows()
        is_over = not {one["status"] for one in rows} & UNSETTLED
        if not is_over or self._problems() or not all(map(self._is_answered, rows)):
            return False
        if self.order != "stop":
            return not any(one["status"] == "open" for one in rows)
        if self.operation in ("create", "query"):
            return any(one["status"] == "open" for one in rows)  # it is protected in the end
        if self.operation == "cancel":
            return self._has_left(rows)
        return self._stop()["status"] == "filled"

    def _has_left(self, rows):
        """Say whether the exit was filled; refused for its date, a stop must protect again."""
        exits = [one["status"] for one in rows if one["exit_reason"] == "horizon"]
        is_protected = any(one["status"] == "open" for one in rows)
        return "filled" in exits or ("rejected" in exits and is_protected)

    def _is_answered(self, row):
        """Say whether its request has had its answer: a fill may be heard of before that."""
        return classified(self.trading.events(row["decision_id"])) != UNANSWERED

    def judge(self):
        judge(self.trading)
        subject = self._subject()
        told = self._classified(subject)
        expected = self.word if self.operation == "create" else self._expected_otherwise()
        if told != expected:
            raise TakenOtherwise(f"taken for {told}, not {expected}: {brief([subject])}")
        stands = STANDS.get(told) or self._stands()
        assert subject["status"] == stands, f"{subject['status']}, not {stands}"

    def _expected_otherwise(self):
        is_in_doubt = self.operation == "query" or (
            self.operation == "fills" and self.order != "stop"
        )
        return FOUND if is_in_doubt else ACCEPTED

    def _stands(self):
        if self.operation == "cancel":
            return "canceled"
        return "filled" if self.operation == "fills" else STANDS[self.order]

    def _subject(self):
        wanted = {"limit": "limit", "market": "market", "stop": "stop_limit"}[self.order]
        rows = [one for one in self.trading.rows() if one["order_type"] == wanted]
        return min(rows, key=lambda one: one["decided_at"])

    def _classified(self, row):
        return classified(self.trading.events(row["decision_id"]))


def classified(events):
    """Return the word of the golden table for what was written down of an order."""
    if "not_sent" in events:
        return NOT_SENT
    if "rejected" in events:
        return REFUSED
    if "ambiguous" in events:
        return ABSENT if "absent" in events else FOUND
    return ACCEPTED if "accepted" in events else UNANSWERED


def brief(rows):
    names = ("order_type", "purpose", "status", "filled_quantity", "detail")
    return [tuple(str(one[name]) for name in names) for one in rows]


def judge(trading):
    """Hold our books against the truth: every order once, nothing unknown to us, equal fills."""
    oracle, rows = trading.sim.oracle(), trading.rows()
    assert not oracle.breaches
    ours = {one["client_order_id"]: one for one in rows}
    accepted = Counter(one.client_order_id for one in oracle.orders)
    assert not [one for one, times in accepted.items() if times > 1], "an order was doubled"
    assert accepted.keys() <= ours.keys(), "the venue has an order of which we know nothing"
    for real in oracle.orders:
        row = ours[real.client_order_id]
        assert row["status"] not in NEVER_THERE, f"accepted, but to us {row['status']}"
        assert row["venue_order_id"] in (real.venue_order_id, str(real.number))
        is_resting = not real.state.is_over
        assert (row["status"] == "open") is is_resting, (row["status"], real.state)
        assert (row["status"] == "filled") is (real.state == "filled")
        assert row["filled_quantity"] == real.filled_quantity
    for identity, row in ours.items():
        if row["status"] not in NEVER_THERE:
            assert identity in accepted, f"{row['status']}, but the venue never had it"
    assert told_fills(trading.fills()) == real_fills(oracle)
    events = {one: trading.events(row["decision_id"]) for one, row in ours.items()}
    left = [one for one in events.values() if "claimed" in one and "not_sent" not in one]
    assert trading.asked[Operation.CREATE] == len(left), "not one request for each order"
    with trading.engine.begin() as connection:
        assert not frozen(connection, ACCOUNT), "a surprise was found where there is none"


def told_fills(fills):
    names = ("client_order_id", "quantity", "price", "fee", "fee_asset")
    assert len({one["trade_id"] for one in fills}) == len(fills)
    return Counter(tuple(one[name] for name in names) for one in fills)


def real_fills(oracle):
    return Counter(
        (real.client_order_id, one.quantity, one.price, one.fee, one.fee_asset)
        for real in oracle.orders
        for one in real.fills
    )
