"""`trading panic`: everything of ours is canceled with the venues' keys and nothing else."""

import json
import os
import pty
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launcher.cli import application
from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import AccountId, DecisionId, Symbol, client_order_id
from simulator.engine.model import NewOrder, State
from simulator.server import running_simulator
from simulator.settings import MAIN
from tests.conftest import REPOSITORY, spare_port
from venues.naming import REAL
from venues.port import VenueAddress, VenueName

ACCOUNT = AccountId("paper-main")
OF_SOMEBODY = "by-hand"


def our_id(number: int, account: AccountId = ACCOUNT, mode: str = "paper") -> str:
    return client_order_id(mode, account, DecisionId(f"decision {number}"))


def symbol_at(simulator) -> Symbol:
    return next(iter(simulator.exchange.listings))


def rest(simulator, name: str) -> str:
    """Let an order rest that no walk of the price reaches, and return the venue's id of it."""
    order = simulator.exchange.submit(
        NewOrder(
            account=MAIN,
            client_order_id=name,
            symbol=symbol_at(simulator),
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=Decimal("0.001"),
            limit_price=Decimal(50_000),
        )
    )
    return order.venue_order_id


def state_of(simulator, name: str) -> State:
    (order,) = simulator.oracle().of_client(name)
    return order.state


def keys_of(simulator) -> dict[str, str]:
    prefix = simulator.venue.upper()
    return {
        f"{prefix}_API_KEY": simulator.key.key,
        f"{prefix}_API_SECRET": simulator.key.secret,
        f"{prefix}_API_PASSPHRASE": simulator.key.passphrase,
    }


def paper_at(simulator) -> dict[str, str]:
    return {
        "TRADING_MODE": "paper",
        "EXECUTOR__VENUE": simulator.venue.value,
        "EXECUTOR__VENUE_URL": simulator.url,
        **keys_of(simulator),
    }


@pytest.fixture
def trap():
    """A port on which whoever connects is noticed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture
def panic(tmp_path, trap):
    port = str(trap.getsockname()[1])
    base = {
        "TRADING_STATE_DIR": str(tmp_path / "var"),
        "DB_HOST": "127.0.0.1",
        "DB_PORT": port,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": port,
        "COLUMNS": "250",
    }

    def run(env: dict[str, str], *words: str):
        asked = ["panic", *words]
        return CliRunner().invoke(application(asked), asked, env={**base, **env})

    return run


def nobody_came(trap) -> bool:
    try:
        trap.accept()
    except BlockingIOError:
        return True
    return False


def journal_of(folder: Path) -> list[dict[str, object]]:
    (file,) = folder.glob("var/panic-*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(params=list(VenueName))
def simulator(request):
    with running_simulator(request.param) as running:
        yield running


@pytest.fixture(
    params=[
        VenueName.BINANCE_US,
        pytest.param(VenueName.COINBASE, marks=pytest.mark.long),
        pytest.param(VenueName.KUCOIN, marks=pytest.mark.long),
    ]
)
def a_simulator(request):
    with running_simulator(request.param) as running:
        yield running


def test_ours_is_canceled_and_nobody_elses_without_database_and_redis(
    simulator, panic, trap, tmp_path
):
    ours = [our_id(1), our_id(2)]
    another = our_id(1, AccountId("paper-other"))
    live = our_id(1, AccountId("live-main"), "live")
    for name in (*ours, another, live, OF_SOMEBODY):
        rest(simulator, name)
    result = panic(paper_at(simulator))
    assert result.exit_code == 0, result.output
    assert [state_of(simulator, name) for name in ours] == [State.CANCELED] * 2
    left = [state_of(simulator, name) for name in (another, live, OF_SOMEBODY)]
    assert left == [State.OPEN] * 3
    assert "canceled" in result.output
    assert "trading halt" in result.output
    assert all(name in result.output for name in ours)
    assert nobody_came(trap)


def test_the_journal_has_each_intent_before_its_answer_and_no_secret(a_simulator, panic, tmp_path):
    rest(a_simulator, our_id(1))
    assert panic(paper_at(a_simulator)).exit_code == 0
    lines = journal_of(tmp_path)
    cancels = [line["phase"] for line in lines if line["action"] == "cancel"]
    assert cancels == ["asking", "answered"]
    phases = [line["phase"] for line in lines if "phase" in line]
    assert phases == ["asking", "answered"] * (len(phases) // 2)
    assert (lines[0]["action"], lines[-1]["action"]) == ("begin", "end")
    (file,) = tmp_path.glob("var/panic-*.jsonl")
    assert file.stat().st_mode & 0o077 == 0
    text = file.read_text()
    for secret in (a_simulator.key.secret, a_simulator.key.passphrase, a_simulator.key.key):
        assert not secret or secret not in text


def test_all_cancels_what_others_placed_too(a_simulator, panic):
    for name in (our_id(1), OF_SOMEBODY):
        rest(a_simulator, name)
    result = panic(paper_at(a_simulator), "--all", "--json")
    assert result.exit_code == 0, result.output
    assert state_of(a_simulator, OF_SOMEBODY) is State.CANCELED
    (venue,) = json.loads(result.stdout)["venues"]
    assert {order["became"] for order in venue["orders"]} == {"canceled"}


def test_a_venue_that_stumbles_is_asked_again(a_simulator, panic):
    rest(a_simulator, our_id(1))
    a_simulator.plan(
        [
            {"match": {"operation": "time"}, "do": {"fault": "error_before"}},
            {"match": {"operation": "cancel"}, "do": {"fault": "error_before"}},
            {"match": {"operation": "cancel", "nth": 2}, "do": {"fault": "reset_after_accept"}},
        ]
    )
    result = panic(paper_at(a_simulator))
    assert result.exit_code == 0, result.output
    assert state_of(a_simulator, our_id(1)) is State.CANCELED


def test_what_cannot_be_canceled_is_named_and_fails(a_simulator, panic):
    rest(a_simulator, our_id(1))
    a_simulator.plan(
        [{"match": {"operation": "cancel", "times": 0}, "do": {"fault": "error_before"}}]
    )
    result = panic(paper_at(a_simulator), "--patience", "1")
    assert result.exit_code == 1, result.output
    assert "still rests" in result.output
    assert our_id(1) in result.output
    assert state_of(a_simulator, our_id(1)) is State.OPEN


def test_one_venue_that_is_down_does_not_keep_the_others_from_it(panic, monkeypatch, trap):
    monkeypatch.setitem(
        REAL,
        VenueName.BINANCE_US,
        VenueAddress(rest=f"http://127.0.0.1:{spare_port()}", stream=""),
    )
    name = our_id(1, AccountId("live-main"), "live")
    with (
        running_simulator(VenueName.COINBASE) as coinbase,
        running_simulator(VenueName.KUCOIN) as kucoin,
    ):
        env = {"TRADING_MODE": "live", "BINANCE_US_API_KEY": "key", "BINANCE_US_API_SECRET": "s"}
        for one in (coinbase, kucoin):
            monkeypatch.setitem(REAL, one.venue, one.address)
            env |= keys_of(one)
            rest(one, name)
        result = panic(env, "--patience", "1")
        assert result.exit_code == 4, result.output
        assert state_of(coinbase, name) is State.CANCELED
        assert state_of(kucoin, name) is State.CANCELED
        assert "binance_us: NOT KNOWN what still rests there" in result.output
        rest(kucoin, name := our_id(2, AccountId("live-main"), "live"))
        assert panic(env, "--venue", "kucoin").exit_code == 0
        assert state_of(kucoin, name) is State.CANCELED
    assert nobody_came(trap)


def test_an_order_that_filled_meanwhile_is_told_as_filled(panic):
    with running_simulator(VenueName.BINANCE_US) as simulator:
        rest(simulator, our_id(1))
        symbol = symbol_at(simulator)
        simulator.plan([{"match": {"operation": "cancel"}, "do": {"fault": "error_before"}}])
        cancel = simulator.exchange.cancel

        def fill_first(account: str, venue_order_id: str):
            simulator.exchange.set_price(symbol, Decimal(45_000))
            return cancel(account, venue_order_id)

        simulator.exchange.cancel = fill_first
        result = panic(paper_at(simulator))
        assert result.exit_code == 0, result.output
        assert "filled before the cancel (0.001)" in result.output


def test_a_refused_key_is_given_up_at_once(a_simulator, panic):
    env = paper_at(a_simulator) | {f"{a_simulator.venue.upper()}_API_KEY": "another-key"}
    result = panic(env)
    assert result.exit_code == 4, result.output
    assert "NOT KNOWN" in result.output


@pytest.mark.parametrize(
    ("env", "words", "code", "says"),
    [
        ({}, (), 78, "no venue is in use"),
        ({"TRADING_MODE": "live"}, (), 78, "no venue is in use"),
        ({"TRADING_MODE": "live", "KUCOIN_API_KEY": "k"}, (), 78, "KUCOIN_API_SECRET"),
        ({"TRADING_MODE": "paper"}, ("--venue", "kucoin"), 78, "TRADING_MODE=live"),
        (
            {"TRADING_MODE": "live", "EXECUTOR__VENUE_URL": "http://127.0.0.1:1"},
            ("--venue", "kucoin"),
            78,
            "leave it unset",
        ),
        (
            {
                "TRADING_MODE": "paper",
                "EXECUTOR__VENUE": "kucoin",
                "EXECUTOR__VENUE_URL": "https://api.kucoin.com",
            },
            (),
            78,
            "is a real venue",
        ),
        ({}, ("--venue", "mtgox"), 2, "is no venue"),
    ],
)
def test_what_is_not_configured_is_said_in_one_line(panic, env, words, code, says):
    result = panic(env, *words)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_folder_that_cannot_be_written_stops_no_panic(panic, tmp_path):
    (tmp_path / "var").write_text("a file where the folder should be")
    with running_simulator(VenueName.KUCOIN) as simulator:
        rest(simulator, our_id(1))
        result = panic(paper_at(simulator))
        assert result.exit_code == 0, result.output
        assert state_of(simulator, our_id(1)) is State.CANCELED
        assert "journal could not be kept" in result.output
        assert '"phase": "asking"' in result.stderr


def test_a_person_is_asked_first_and_may_say_no(tmp_path):
    with running_simulator(VenueName.KUCOIN) as simulator:
        rest(simulator, our_id(1))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", "from launcher.cli import main; main()", "panic"],
            cwd=REPOSITORY,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "TRADING_STATE_DIR": str(tmp_path / "var"),
                **paper_at(simulator),
            },
        )
        os.write(ours, b"n\n")
        said = process.communicate(timeout=30)[0].decode()
        os.close(ours)
        os.close(theirs)
        assert process.returncode == 1
        assert "Cancel our open orders of account paper-main at kucoin" in said
        assert state_of(simulator, our_id(1)) is State.OPEN
