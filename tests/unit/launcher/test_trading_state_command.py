"""`trading halt|reduce|resume` with every service down: straight to the database, on real ones."""

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from launcher.cli import application
from risk.tables import risk_book, risk_limits
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.tables import deliveries, event_log, subscriptions
from shared.bus.unit_of_work import Transactions
from shared.db.audit import audit
from shared.db.control import control, lock_trading_state
from shared.domain.clock import FollowingClock
from shared.domain.enums import TradingState
from tests.builders import ACCOUNT, CLOSED_AT, EQUITY

COMMANDS = {"halt": TradingState.HALT, "reduce": TradingState.REDUCE}


@pytest.fixture
def world(engine, database_address, tmp_path, monkeypatch):
    """A database that nobody serves, with facts of yesterday; and the command, as typed."""
    if database_address.is_embedded:
        monkeypatch.setenv("TRADING_STATE_DIR", str(database_address.file.parent))
    else:
        monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path))
        monkeypatch.setenv("DB_HOST", database_address.host)
        monkeypatch.setenv("DB_PORT", str(database_address.port))
        monkeypatch.setenv("DB_USER", database_address.user)
    monkeypatch.setenv("TRADING_HOST", "127.0.0.8")  # nothing listens there
    monkeypatch.setenv("COLUMNS", "200")
    return World(engine)


class World:
    def __init__(self, engine):
        self.engine = engine
        self.clock = FollowingClock(CLOSED_AT)
        self.transactions = Transactions(engine, self.clock, InProcessDoorbell(), "portfolio")
        with engine.begin() as connection:
            heard = {"consumer": "executor", "topic": "trading_state.changed"}
            connection.execute(subscriptions.insert(), [heard])
        with self.transactions.begin() as uow:
            uow.emit(EQUITY)

    def trading(self, *words, **options):
        return CliRunner().invoke(application(list(words)), list(words), **options)

    def rows(self, table):
        with self.engine.begin() as connection:
            return connection.execute(select(table)).all()

    def claim_sees(self):
        with self.transactions.begin() as uow:
            return lock_trading_state(uow.connection, ACCOUNT)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_state_is_written_as_risk_would_have_written_it(world, command):
    result = world.trading(command, "--direct", "--reason", "the ops room burns")
    assert result.exit_code == 0, result.output
    assert "risk was not asked" in result.output
    assert f"Trading state is now {command} (version 2)." in result.output
    assert world.claim_sees() is COMMANDS[command]
    (row,) = world.rows(control)
    assert row.actor.startswith("command-line:")
    assert (row.reason, row.changed_at) == ("the ops room burns", CLOSED_AT)
    told = [one for one in world.rows(event_log) if one.topic == "trading_state.changed"]
    assert [one.producer for one in told] == ["risk"]
    heard = [(one.consumer, one.event_id) for one in world.rows(deliveries)]
    assert heard == [("executor", told[0].event_id)]
    deed = world.rows(audit)[-1]
    assert (deed.chain, deed.action, deed.actor) == ("risk", "trading_state.changed", row.actor)
    assert len(world.rows(risk_limits)) == 1  # the account is opened as risk would have


def test_what_was_halted_is_resumed_the_same_way(world):
    world.trading("halt", "--direct")
    result = world.trading("resume", "--direct")
    assert "Trading state is now run (version 3)." in result.output
    assert world.claim_sees() is TradingState.RUN


def test_a_resume_brakes_again_while_the_cause_holds(world):
    world.trading("halt", "--direct")
    fallen = {
        "account": ACCOUNT, "as_of": CLOSED_AT, "equity": EQUITY.equity / 2, "cash": EQUITY.cash,
        "peak_equity": EQUITY.peak_equity, "day_start_equity": EQUITY.day_start_equity,
    }  # fmt: skip
    with world.engine.begin() as connection:
        connection.execute(risk_book.insert(), [fallen])
    result = world.trading("resume", "--direct")
    assert result.exit_code == 0
    assert "Trading state is now reduce" in result.output
    assert "Not run: drawdown 0.5 reached the limit 0.2" in result.output


def test_in_a_script_nothing_is_written_unless_it_was_asked_for(world):
    result = world.trading("halt")
    assert result.exit_code == 4
    assert "nothing was changed" in result.output
    assert "trading halt --direct" in result.output
    assert world.rows(control) == []


@pytest.mark.parametrize(("said", "code", "states"), [("y\n", 0, ["halt"]), ("n\n", 4, [])])
def test_a_person_is_asked_first(world, monkeypatch, said, code, states):
    monkeypatch.setattr("launcher.trading_state._is_somebody_there", lambda: True)
    result = world.trading("halt", input=said)
    assert "Nothing was changed yet: risk does not answer" in result.output
    assert result.exit_code == code
    assert [row.state for row in world.rows(control)] == states


def test_a_reason_that_says_nothing_is_refused(world):
    result = world.trading("halt", "--direct", "--reason", " - ")
    assert result.exit_code == 2
    assert "--reason" in result.output
    assert world.rows(control) == []


def test_without_a_database_the_way_out_that_is_left_is_named(world, monkeypatch):
    monkeypatch.setenv("DB_HOST", "127.0.0.1")
    monkeypatch.setenv("DB_PORT", "1")  # nobody answers there
    result = world.trading("halt", "--direct")
    assert result.exit_code == 4
    assert "nothing was changed" in result.output
    assert "trading panic" in result.output
