"""`trading books deposit`, `adjust`, `approve` and what else a person says moved, as it is typed."""

import json
import threading

import pytest
import uvicorn
from typer.testing import CliRunner

from launcher import client
from launcher.cli import application
from tests.conftest import spare_port
from tests.unit.portfolio.test_movements import FIRST, SECOND, Two
from tests.unit.portfolio.test_portfolio_service import D


@pytest.fixture
def served(sqlite_engine, monkeypatch):
    desk = Two(sqlite_engine)
    port = spare_port()
    monkeypatch.setitem(client.PORTS, "portfolio", port)
    monkeypatch.setenv("TRADING_API_KEY", FIRST)
    monkeypatch.setenv("COLUMNS", "250")
    server = uvicorn.Server(
        uvicorn.Config(desk.service.api, host="127.0.0.1", port=port, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield desk
    server.should_exit = True
    thread.join(10)


def trading(*words):
    asked = ["books", *words]
    return CliRunner().invoke(application(asked), asked)


def test_what_is_typed_is_booked_and_a_correction_waits_for_the_other_key(served, monkeypatch):
    assert trading("movements").output.strip() == "Nobody has said that anything moved."
    assert "deposit of 250.5 USDT: booked" in trading("deposit", "USDT", "250.5").output
    assert trading("withdraw", "USDT", "0.5", "--reason", "fee of the bank").exit_code == 0
    bought = trading("trade", "BTC-USDT", "buy", "0.5", "100", "--fee", "0.1")
    assert bought.exit_code == 0, bought.output
    assert served.owned()["USDT"][0] == D("10199.9")
    asked = trading("adjust", "USDT", "--reason", "counted again", "--", "-0.9")
    assert "pending" in asked.output
    found = json.loads(trading("movements", "--status", "pending", "--json").stdout)
    name = found[0]["movement_id"]
    assert name in asked.output
    own = trading("approve", name)
    assert own.exit_code == 3
    assert "somebody else must approve" in own.output
    monkeypatch.setenv("TRADING_API_KEY", SECOND)
    assert "adjustment of -0.9 USDT: booked" in trading("approve", name).output
    assert served.owned()["USDT"][0] == D("10199")
    shown = trading("movements").output
    for word in ("deposit", "withdrawal", "external_trade", "adjustment", "fee of the bank"):
        assert word in shown


def test_a_refused_correction_and_a_mistyped_word_change_nothing(served):
    trading("adjust", "USDT", "5", "--reason", "perhaps")
    (pending,) = json.loads(trading("movements", "--json").stdout)
    assert "refused" in trading("refuse", pending["movement_id"]).output
    wrong = trading("deposit", "USDT", "many")
    assert wrong.exit_code == 2
    assert "amount" in wrong.output
    slip = trading("deposit", "UDST", "5")
    assert slip.exit_code == 2
    assert "asset: nothing here knows 'UDST'; write USDT if that is meant, or say" in slip.output
    assert "deposit of 5 DOGE: booked" in trading("deposit", "DOGE", "5", "--new-asset").output
    too_much = trading("withdraw", "USDT", "99999")
    assert too_much.exit_code == 3
    assert "the books hold only 10000 USDT" in too_much.output
    assert served.owned()["USDT"][0] == D("10000")
