"""`trading live ...`: nothing is traded with real money unless a person said so, and lately."""

import json
import os
import pty
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from executor.core.gate import fingerprint_of
from executor.tables import live_consents
from launcher.cli import application
from shared.db.audit import audit
from shared.db.engine import DatabaseAddress, connect
from simulator.server import running_simulator
from tests.conftest import REPOSITORY, spare_port
from tests.database import empty_database
from venues.naming import REAL
from venues.port import VenueAddress, VenueName

KEY = "an-api-key"
FINGERPRINT = fingerprint_of("live-main", "kucoin", KEY)
LIVE = {
    "TRADING_MODE": "live",
    "EXECUTOR__VENUE": "kucoin",
    "KUCOIN_API_KEY": KEY,
    "KUCOIN_API_SECRET": "its-secret",
}


@pytest.fixture
def engine(tmp_path):
    address = DatabaseAddress(file=tmp_path / "var" / "trading.sqlite")
    address.file.parent.mkdir()
    empty_database(address)
    engine = connect(address)
    yield engine
    engine.dispose()


@pytest.fixture
def live(tmp_path):
    base = {"TRADING_STATE_DIR": str(tmp_path / "var"), "COLUMNS": "250"}

    def run(env: dict[str, str], *words: str):
        asked = ["live", *words]
        return CliRunner().invoke(application(asked), asked, env={**base, **env})

    return run


def rows_of(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(table)).all()


def test_consent_is_a_row_that_ends_and_an_entry_in_the_audit(live, engine):
    result = live(LIVE, "enable", "--days", "7", "--yes")
    assert result.exit_code == 0, result.output
    assert f"\nTRADING_LIVE_CONFIRM={FINGERPRINT}\n" in result.stdout
    assert "real money" in result.stderr
    assert "its-secret" not in result.output
    (row,) = rows_of(engine, live_consents)
    assert (row.account, row.fingerprint) == ("live-main", FINGERPRINT)
    assert row.ends_at - row.given_at == timedelta(days=7)
    assert row.actor.startswith("command-line:")
    (entry,) = rows_of(engine, audit)
    assert (entry.actor, entry.action, entry.subject) == (row.actor, "live.enabled", "live-main")
    assert entry.detail["fingerprint"] == FINGERPRINT


def test_consent_given_again_is_one_row_and_two_entries(live, engine):
    for days in ("1", "30"):
        assert live(LIVE, "enable", "--days", days, "--yes").exit_code == 0
    (row,) = rows_of(engine, live_consents)
    assert row.ends_at - row.given_at == timedelta(days=30)
    assert len(rows_of(engine, audit)) == 2


def test_consent_taken_back_is_gone_once(live, engine):
    live(LIVE, "enable", "--yes")
    first, second = live(LIVE, "disable"), live(LIVE, "disable")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "is taken back" in first.output
    assert "trading halt" in first.output
    assert "was not there" in second.output
    assert rows_of(engine, live_consents) == []
    actions = [entry.action for entry in rows_of(engine, audit)]
    assert actions == ["live.enabled", "live.disabled"]


@pytest.mark.parametrize(
    ("changes", "words", "code", "says"),
    [
        ({"TRADING_MODE": "paper"}, ("enable", "--yes"), 78, "TRADING_MODE: it is paper"),
        ({"TRADING_MODE": "paper"}, ("disable",), 78, "TRADING_MODE: it is paper"),
        ({"EXECUTOR__VENUE": "simulated"}, ("enable", "--yes"), 78, "EXECUTOR__VENUE"),
        ({"KUCOIN_API_KEY": ""}, ("enable", "--yes"), 78, "KUCOIN_API_KEY"),
        ({}, ("enable", "--days", "31", "--yes"), 2, "or equal to 30"),
        ({}, ("enable", "--days", "0", "--yes"), 2, "or equal to 1"),
        ({}, ("enable",), 2, "add --yes"),
    ],
)
def test_nothing_is_written_where_something_is_missing(live, engine, changes, words, code, says):
    result = live(LIVE | changes, *words)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output
    assert rows_of(engine, live_consents) == []


def test_a_database_without_its_schema_is_said_plainly(live):
    result = live(LIVE, "enable", "--yes")
    assert result.exit_code == 4, result.output
    assert "run 'trading db migrate'" in result.output


def typed(tmp_path, text: str) -> tuple[int, str]:
    """Run `trading live enable` in a terminal where a person types this."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from launcher.cli import main; main()", "live", "enable"],
        cwd=REPOSITORY,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "TRADING_STATE_DIR": str(tmp_path / "var"), **LIVE},
    )
    os.write(ours, f"{text}\n".encode())
    said = process.communicate(timeout=30)[0].decode()
    os.close(ours)
    os.close(theirs)
    return process.returncode, said


def test_a_person_types_how_the_fingerprint_begins(tmp_path, engine):
    code, said = typed(tmp_path, "zzzz")
    assert code == 2
    assert "nothing was changed" in said
    assert rows_of(engine, live_consents) == []
    code, said = typed(tmp_path, FINGERPRINT[:4])
    assert code == 0, said
    assert len(rows_of(engine, live_consents)) == 1


def status_of(result) -> dict[str, object]:
    return json.loads(result.stdout)


def test_the_status_of_a_configuration_that_is_not_live_says_so(live, engine):
    result = live({"TRADING_MODE": "paper"}, "status", "--json")
    assert result.exit_code == 1
    status = status_of(result)
    assert (status["may_start"], status["consent"]) == (False, None)
    assert status["objections"] == ["TRADING_MODE: it is paper, not live"]


def test_the_status_lists_what_the_gate_would_object_to(live, engine, monkeypatch):
    with running_simulator(VenueName.KUCOIN) as simulator:
        monkeypatch.setitem(REAL, VenueName.KUCOIN, simulator.address)
        env = LIVE | {
            "KUCOIN_API_KEY": simulator.key.key,
            "KUCOIN_API_SECRET": simulator.key.secret,
            "KUCOIN_API_PASSPHRASE": simulator.key.passphrase,
        }
        confirm = fingerprint_of("live-main", "kucoin", simulator.key.key)
        before = status_of(live(env, "status", "--json"))["objections"]
        assert any("no consent to live trading" in one for one in before)
        assert any("TRADING_LIVE_CONFIRM" in one for one in before)
        assert any("EXECUTOR__KUCOIN_ENABLED" in one for one in before)
        env |= {"EXECUTOR__KUCOIN_ENABLED": "true"}
        asked = status_of(live(env, "status", "--json"))["objections"]
        assert not any("could not be read" in one for one in asked)
        live(env, "enable", "--yes")
        result = live(env | {"TRADING_LIVE_CONFIRM": confirm}, "status", "--json")
        assert result.exit_code == 1
        after = status_of(result)
        assert after["consent"]["fingerprint"] == after["fingerprint"] == confirm
        assert not any("consent" in one or "CONFIRM" in one for one in after["objections"])
        shown = live(env, "status").output
        assert "Live trading would be refused:" in shown
        assert simulator.key.secret not in shown


def test_a_venue_that_does_not_answer_is_one_objection_more(live, engine, monkeypatch):
    nowhere = VenueAddress(rest=f"http://127.0.0.1:{spare_port()}", stream="")
    monkeypatch.setitem(REAL, VenueName.KUCOIN, nowhere)
    enabled = LIVE | {"EXECUTOR__KUCOIN_ENABLED": "true"}
    result = live(enabled, "status", "--json")
    assert result.exit_code == 1
    objections = status_of(result)["objections"]
    assert any("may do could not be read" in one for one in objections)
    assert any("clock could not be read" in one for one in objections)
