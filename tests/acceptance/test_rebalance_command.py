"""`trading rebalance`, as a person types it, at services that answer on ports of their own."""

import json
import threading
from decimal import Decimal

import pytest
import uvicorn
from typer.testing import CliRunner

from launcher import client
from launcher.cli import application
from tests.acceptance.rebalancing_world import KEYS, QUIET, world
from tests.conftest import spare_port

D = Decimal


def trading(*words):
    return CliRunner().invoke(application(list(words)), list(words))


@pytest.fixture
def desk(sqlite_address, tmp_path, monkeypatch):
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.setenv("TRADING_API_KEY", KEYS["admin"])
    monkeypatch.setenv("TRADING_STATE_DIR", str(sqlite_address.file.parent))
    desk = world(sqlite_address, tmp_path)
    desk.pass_candles(3)
    servers, ports = [], {}
    for service in desk.services:
        if service.name in ("portfolio", "recommender", "risk"):
            ports[service.name] = spare_port()
            config = uvicorn.Config(service.api, port=ports[service.name], log_level="critical")
            servers.append(uvicorn.Server(config))
    threads = [threading.Thread(target=server.run, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    while not all(server.started for server in servers):
        threading.Event().wait(0.02)
    monkeypatch.setattr(client, "PORTS", client.PORTS | ports)
    yield desk
    for server in servers:
        server.should_exit = True
    for thread in threads:
        thread.join(10)
    desk.close()


def test_a_dry_run_is_a_table_with_costs_and_what_risk_would_cut(desk):
    done = trading("rebalance", "BTC-USDT=0.4", "ETH-USDT=0.1")
    assert done.exit_code == 0, done.output
    assert "Rebalancing of 10000 USDT" in done.output
    assert "40.00 %" in done.output
    assert "slippage" in done.output
    assert "BTC-USDT: 0.4 is above the cap of 0.3 for one instrument" in done.output
    assert desk.issued() == []
    nothing = trading("rebalance", "BTC-USDT=0.04", "--band", "0.05")
    assert "nothing to trade" in nothing.output


def test_what_is_executed_is_named_for_a_trace_and_can_be_followed(desk):
    done = trading("rebalance", "BTC-USDT=0.2", "--execute", "--yes")
    assert done.exit_code == 0, done.output
    assert "Sent to risk as rebalancing" in done.output
    desk.settle()
    desk.pass_candles()
    (fact,) = desk.issued()
    (one,) = fact.recommendations
    assert one.recommendation_id in done.output
    identity = fact.origin.split(":")[1]
    shown = trading("rebalanced", identity)
    assert "filled" in shown.output
    assert one.recommendation_id in shown.output
    traced = trading("trace", one.recommendation_id)
    assert traced.exit_code == 0, traced.output
    for word in ("rebalance", "approved", "filled"):
        assert word in traced.output
    said = json.loads(trading("rebalance", "BTC-USDT=0.0", "--execute", "--yes", "--json").output)
    assert [(one["side"], one["symbol"]) for one in said["trades"]] == [("sell", "BTC-USDT")]


IMPOSSIBLE = (
    ((), "nothing is named"),
    (("BTC-USDT",), "is no target"),
    (("BTC-USDT=0.1", "BTC-USDT=0.2"), "is no target"),
    (("BTC-USDT=nan",), "is no share"),
    (("BTC-USDT=1e400",), "is no share"),
    (("BTC-USDT=-0.1",), "is no share"),
    (("BTC-USDT=five",), "is no share"),
    (("BTC-USDT=0.1", "--band", "2"), "--band"),
    (("DOGE-USDT=0.1",), "not traded here"),
    (("BTC-USDT=0.6", "ETH-USDT=0.6"), "sum to more than 1"),
)


def test_what_cannot_be_asked_is_said_and_nothing_is_sent(desk):
    for words, says in IMPOSSIBLE:
        done = trading("rebalance", *words, "--execute", "--yes")
        assert done.exit_code == 2, done.output
        assert says in done.output
    assert desk.issued() == []


def test_an_unknown_rebalancing_is_told(desk):
    done = trading("rebalanced", "none-of-ours")
    assert done.exit_code == 3
    assert "no rebalancing has the id" in done.output
