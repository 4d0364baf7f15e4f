"""The books proven: every row that was changed behind their back is named, and put right."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update
from typer.testing import CliRunner

from executor.tables import fills
from launcher.books_told import ExecutorsFills
from launcher.cli import application
from portfolio.core.lots import Lot
from portfolio.core.trades import RoundTrip
from portfolio.repository import stored
from portfolio.repository.books import lot_row, trip_row
from portfolio.repository.proving import Prover
from portfolio.tables import (
    accounts,
    balances,
    bookings,
    ledger_entries,
    movements,
    positions,
    round_trips,
    tax_lots,
)
from shared.bus.tables import deliveries
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import BalanceKind, Side
from tests.database import empty_database
from tests.unit.portfolio.test_movements import Two, found, in_bnb
from tests.unit.portfolio.test_portfolio_service import ACCOUNT, D, candles, filled, reconciled

SYMBOLS = ("BNB-USDT", "BTC-USDT", "ETH-USDT")


class Proven(Two):
    """A desk with an executor's record of its fills beside it."""

    def trade(self, *facts):
        self.record(*facts)
        self.say(*facts)

    def record(self, *facts):
        rows = [
            {name: getattr(one.fill, name) for name in one.fill.__slots__}
            | {"recorded_at": one.fill.filled_at}
            for one in facts
        ]
        with self.transactions.begin() as uow:
            uow.connection.execute(insert(fills), rows)

    def prove(self):
        told = ExecutorsFills(account=ACCOUNT)
        with self.transactions.read() as connection:
            return Prover(connection, ACCOUNT, told).prove()

    def rebuild(self):
        told = ExecutorsFills(account=ACCOUNT)
        with self.transactions.begin() as uow:
            return Prover(uow.connection, ACCOUNT, told, repaired_at=uow.now).prove()

    def behind_their_back(self, statement):
        with self.transactions.begin() as uow:
            assert uow.connection.execute(statement).rowcount >= 1


def lived_in(engine):
    """Books with everything in them: fills, fees, movements, what was found, what is unexplained."""
    desk = Proven(engine, symbols=SYMBOLS)
    desk.say(found("USDT", "5000.5"), found("BTC", "0.25"))
    desk.say(candles(1, BTC="100", ETH="10", BNB="600"), reconciled(1))
    desk.trade(
        filled("t1", Side.BUY, "1.5", "101", 1), in_bnb(filled("t2", Side.BUY, "1", "99", 1))
    )
    desk.trade(
        filled("t3", Side.SELL, "2", "107", 2), filled("t4", Side.BUY, "3", "10", 2, base="ETH")
    )
    desk.move(kind="deposit", asset="ETH", amount="2", price="9")
    desk.move(kind="withdrawal", asset="USDT", amount="12.34")
    desk.move(kind="external_trade", symbol="BTC-USDT", side="sell", quantity="0.25", price="90")
    desk.adjust(asset="BTC", amount="0.1", from_aside=True)
    desk.say(found("USDT", "0.003", BalanceKind.ROUNDING, "later"))
    desk.trade(filled("t5", Side.SELL, "6", "11", 3, base="ETH"))
    desk.say(candles(2, BTC="101", ETH="11", BNB="600"), reconciled(2))
    desk.trade(filled("t6", Side.SELL, "0.35", "110", 4))
    return desk


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """The file of books that were lived in, to be copied."""
    address = DatabaseAddress(file=tmp_path_factory.mktemp("lived") / "trading.sqlite")
    empty_database(address)
    engine = connect(address)
    lived_in(engine)
    engine.dispose()  # whoever closes last leaves nothing in the write-ahead log
    return address.file


@pytest.fixture
def desk(lived, tmp_path):
    address = DatabaseAddress(file=tmp_path / "trading.sqlite")
    shutil.copy(lived, address.file)
    engine = connect(address)
    yield Proven(engine, symbols=SYMBOLS)
    engine.dispose()


def test_books_that_were_left_alone_agree_in_every_row(engine):
    desk = lived_in(engine)
    proof = desk.prove()
    assert proof.findings == []
    assert (proof.bookings, proof.fills, proof.waiting) == (14, 6, 0)
    with desk.transactions.read() as connection:
        for table, count in (
            (ledger_entries, proof.entries),
            (tax_lots, proof.lots),
            (round_trips, proof.trips),
        ):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == count
    assert desk.position("ETH-USDT").unexplained == D("1")


CHANGES = {
    "a position's quantity": (
        update(positions).where(positions.c.symbol == "BTC-USDT").values(quantity=D("0.5")),
        ("portfolio_positions", "BTC-USDT", "quantity", "0.5", "0"),
    ),
    "what was earned": (
        update(positions).where(positions.c.symbol == "ETH-USDT").values(realized_pnl=D(0)),
        ("portfolio_positions", "ETH-USDT", "realized_pnl", "0"),
    ),
    "a position too much": (
        insert(positions).values(
            account=ACCOUNT, symbol="XRP-USDT", quantity=D(1), cost_basis=D(1), average_cost=D(1),
            realized_pnl=D(0), fees=D(0), unexplained=D(0), unexplained_proceeds=D(0),
            updated_at=candles(1).closed_at,
        ),
        ("portfolio_positions", "XRP-USDT", "row", "a row", "nothing"),
    ),
    "cash": (
        update(balances).where(balances.c.asset == "USDT").values(free=D("4999.1")),
        ("balances", "USDT", "free", "4999.1"),
    ),
    "coins aside": (
        update(balances).where(balances.c.asset == "BTC").values(aside=D(9)),
        ("balances", "BTC", "aside", "9", "0.15"),
    ),
    "a balance that is gone": (
        delete(balances).where(balances.c.asset == "BNB"),
        ("balances", "BNB", "row", "nothing", "a row"),
    ),
    "a lot's cost": (
        update(tax_lots).where(tax_lots.c.lot_id == f"simulated:{ACCOUNT}:t1").values(cost=D(1)),
        ("tax_lots", f"simulated:{ACCOUNT}:t1", "cost", "1", "151.6"),
    ),
    "a lot that is gone": (
        delete(tax_lots).where(tax_lots.c.lot_id == f"simulated:{ACCOUNT}:t2"),
        ("tax_lots", f"simulated:{ACCOUNT}:t2", "row", "nothing", "a row"),
    ),
    "a trip that is gone": (
        delete(round_trips).where(round_trips.c.trip_id == f"simulated:{ACCOUNT}:t1"),
        ("round_trips", f"simulated:{ACCOUNT}:t1", "row", "nothing", "a row"),
    ),
    "what was put in": (
        update(accounts).values(contributed=D(1)),
        ("portfolio_accounts", ACCOUNT, "contributed", "1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_row_that_was_changed_is_named_and_put_right(desk, name):
    change, (table, key, column, *values) = CHANGES[name]
    desk.behind_their_back(change)
    proof = desk.prove()
    named = {(one.table, one.key, one.column): (one.stored, one.rebuilt) for one in proof.findings}
    assert (table, key, column) in named
    assert list(named[(table, key, column)])[: len(values)] == values
    assert {one[0] for one in named} == {table}
    assert desk.rebuild().repaired >= 1
    assert desk.prove().findings == []


CONTRADICTIONS = {
    "an entry's amount": (
        update(ledger_entries)
        .where(ledger_entries.c.booking == 4, ledger_entries.c.leg == 2)
        .values(amount=D("-151.4")),
        ("ledger_entries", f"{ACCOUNT}/4/2", "amount", "-151.4", "-151.5"),
    ),
    "an entry that is gone": (
        delete(ledger_entries).where(ledger_entries.c.booking == 4, ledger_entries.c.leg == 5),
        ("ledger_entries", f"{ACCOUNT}/4/5", "row", "nothing", "a row"),
    ),
    "an entry too much": (
        insert(ledger_entries).values(
            account=ACCOUNT, booking=4, leg=7, holder=ACCOUNT, asset="USDT", amount=D(5),
            source_kind="fill", source_id="x", booked_at=candles(1).closed_at,
        ),
        ("ledger_entries", f"{ACCOUNT}/4/7", "row", "a row", "nothing"),
    ),
    "a booking's price": (
        update(bookings)
        .where(bookings.c.source_id == f"simulated:{ACCOUNT}:t4")
        .values(price=D("10.5")),
        ("portfolio_bookings", f"simulated:{ACCOUNT}:t4", "price", "10.5", "10"),
    ),
    "a booking that is gone": (
        delete(bookings).where(bookings.c.seq == 5),
        ("portfolio_bookings", f"{ACCOUNT}/5", "row", "nothing", "a booking of this number"),
    ),
    "the last booking that is gone": (
        delete(bookings).where(bookings.c.seq == 14),
        ("portfolio_bookings", f"{ACCOUNT}/14", "row", "nothing", "bookings up to 14"),
    ),
    "a fill that is gone": (
        delete(fills).where(fills.c.trade_id == "t3"),
        ("portfolio_bookings", f"simulated:{ACCOUNT}:t3", "row", "booked", "no such fill"),
    ),
    "a fill's quantity": (
        update(fills).where(fills.c.trade_id == "t3").values(quantity=D("2.1")),
        ("portfolio_bookings", f"simulated:{ACCOUNT}:t3", "amount", "-2", "-2.1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_cannot_be_worked_out_again_is_named(desk, name):
    change, (table, key, column, stored, rebuilt) = CONTRADICTIONS[name]
    desk.behind_their_back(change)
    named = {
        (one.table, one.key, one.column): (one.stored, one.rebuilt) for one in desk.prove().findings
    }
    assert named[(table, key, column)] == (stored, rebuilt)


def test_a_movement_that_was_changed_or_never_booked_is_named(desk):
    kind = movements.c.kind == "withdrawal"
    desk.behind_their_back(update(movements).where(kind).values(amount=D("-1")))
    (finding,) = desk.prove().findings
    assert (finding.table, finding.column) == ("portfolio_bookings", "amount")
    assert (finding.stored, finding.rebuilt) == ("-12.34", "-1")


def test_a_fill_that_was_never_heard_of_is_named_and_one_on_its_way_is_not(engine):
    desk = lived_in(engine)
    lost = filled("t8", Side.BUY, "1", "100", 5)
    desk.record(lost)
    (finding,) = desk.prove().findings
    assert (finding.table, finding.key) == ("fills", f"simulated:{ACCOUNT}:t8")
    waiting = filled("t9", Side.BUY, "1", "100", 6)
    desk.record(waiting)
    with desk.transactions.begin() as uow:
        uow.emit(waiting)
    proof = desk.prove()
    assert ([one.key for one in proof.findings], proof.waiting) == ([finding.key], 1)


def test_many_differences_are_counted_and_the_first_named(desk):
    facts = [filled(f"x{number}", Side.BUY, "0.01", "100", 5) for number in range(150)]
    desk.trade(*facts)
    desk.behind_their_back(update(tax_lots).values(cost=D(7)))
    proof = desk.prove()
    assert len(proof.findings) == 100
    assert proof.unnamed >= 50


def test_books_of_another_account_are_not_looked_at(desk):
    other = replace(filled("t1", Side.BUY, "9", "9", 9).fill, account="paper-other")
    row = {name: getattr(other, name) for name in other.__slots__}
    with desk.transactions.begin() as uow:
        uow.connection.execute(
            insert(fills), [row | {"recorded_at": other.filled_at + timedelta(0)}]
        )
    assert desk.prove().findings == []


ROWS = {
    stored.LOTS: lambda name: lot_row(
        ACCOUNT,
        Lot(lot_id=name, symbol="BTC-USDT", acquired_at=candles(1).closed_at, quantity=D(1),
            remaining=D(1), cost=D(1), remaining_cost=D(1)),
    ),
    stored.TRIPS: lambda name: trip_row(
        ACCOUNT, RoundTrip(trip_id=name, symbol="BTC-USDT", opened_at=candles(1).closed_at)
    ),
}  # fmt: skip


@pytest.mark.parametrize("table", ROWS, ids=lambda one: one.name)
def test_a_row_is_found_with_the_same_work_however_many_there_are(desk, table):
    few = _steps_to_find(desk, table)
    with desk.transactions.begin() as uow:
        table.write(uow.connection, [ROWS[table](f"more{number}") for number in range(5_000)])
    assert _steps_to_find(desk, table) <= 2 * few


def _steps_to_find(desk, table):
    """Return how many steps of its machine SQLite takes to find one row."""
    steps = []
    with desk.transactions.read() as connection:
        driver = connection.connection.driver_connection
        driver.set_progress_handler(lambda: steps.append(1), 1)
        assert table.named(connection, [f"simulated:{ACCOUNT}:t1"])
        driver.set_progress_handler(None, 0)
    return len(steps)


@pytest.fixture
def trading(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("MARKET__INSTRUMENTS", ",".join(SYMBOLS))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        asked = ["books", *words]
        return CliRunner().invoke(application(asked), asked)

    return run


def test_the_command_proves_names_and_rebuilds(desk, trading):
    fine = trading("verify")
    assert (fine.exit_code, "Every row is what fills and movements make of it" in fine.output) == (
        0,
        True,
    )
    desk.behind_their_back(update(positions).values(fees=D("3.3")))
    wrong = trading("verify")
    assert wrong.exit_code == 1
    assert "portfolio_positions BTC-USDT fees: stored 3.3, rebuilt" in wrong.output
    document = json.loads(trading("verify", "--json").stdout)
    assert document["agrees"] is False
    assert document["differences"][0]["column"] == "fees"
    asked = CliRunner().invoke(application(["books", "rebuild"]), ["books", "rebuild"], input="n\n")
    assert asked.exit_code == 3
    assert trading("verify").exit_code == 1
    done = trading("rebuild", "--yes")
    assert (done.exit_code, "rows were written anew" in done.output) == (0, True)
    assert trading("verify").exit_code == 0


def test_a_fill_that_nobody_heard_of_is_booked_by_a_rebuild(desk, trading):
    lost = filled("t8", Side.BUY, "1", "100", 5)
    desk.record(lost)
    with desk.runtime.transactions("executor").begin() as uow:
        uow.emit(lost)
    desk.behind_their_back(delete(deliveries))
    assert f"fills simulated:{ACCOUNT}:t8 row" in trading("verify").output
    assert trading("rebuild", "--yes").exit_code == 0
    assert trading("verify").exit_code == 0
    assert desk.position().quantity == D("1")


def test_what_contradicts_itself_is_not_rebuilt(desk, trading):
    desk.behind_their_back(update(positions).values(fees=D("3.3")))
    desk.behind_their_back(update(fills).where(fills.c.trade_id == "t3").values(price=D("2")))
    refused = trading("rebuild", "--yes")
    assert refused.exit_code == 3
    assert "nothing was written" in refused.output
    with desk.transactions.read() as connection:
        assert set(connection.execute(select(positions.c.fees)).scalars()) == {D("3.3")}
