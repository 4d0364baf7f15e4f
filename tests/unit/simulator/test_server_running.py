"""Simulated exchanges as processes and as a command."""

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from typer.testing import CliRunner

from launcher.cli import application
from simulator.keys import simulated_key
from simulator.server import running_simulator
from tests.conftest import spare_port
from tests.unit.simulator.small_wire import small_hosting
from venues.port import VenueName

D = Decimal

ROOT = Path(__file__).parents[3]


def process(*words):
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )


def finished(one):
    said, complained = one.communicate(timeout=20)
    return said, complained


def test_an_exchange_starts_in_less_than_a_second():
    started = time.monotonic()
    with running_simulator("binance_us", hosting=small_hosting()) as sim:
        assert httpx.get(sim.url + "/time", trust_env=False).status_code == 200
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("venue", list(VenueName))
def test_an_exchange_is_a_process_that_says_in_one_line_how_to_reach_it(venue):
    port = spare_port()
    words = ("-m", "simulator", "--venue", venue, "--port", str(port), "--seed", "7")
    one = process(*words, "--prices", "BTC-USDT=65000", "--funds", "USDT=500", "--until-closed")
    told = json.loads(one.stdout.readline())
    assert (told["venue"], told["url"]) == (venue, f"http://127.0.0.1:{port}")
    assert told["key"] == simulated_key(venue, 7).key
    oracle = httpx.get(told["url"] + "/__sim/oracle", trust_env=False).json()
    assert D(oracle["balances"]["main"]["USDT"]["available"]) == 500
    finished(one)  # closes its input
    assert one.returncode == 0


def test_a_process_ends_in_order_when_it_is_told_to():
    one = process("-m", "simulator", "--venue", "kucoin", "--port", "0")
    assert one.stdout.readline()
    one.send_signal(signal.SIGTERM)
    _, complained = finished(one)
    assert (one.returncode, complained) == (0, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--symbols", "btc"), "BTC-USDT"),
        (("--prices", "BTC-USD"), "NAME=AMOUNT"),
        (("--host", "192.0.2.1"), "assign"),
    ],
)
def test_a_process_that_cannot_start_says_why(words, says):
    one = process("-m", "simulator", "--venue", "kucoin", "--port", "0", *words)
    _, complained = finished(one)
    assert one.returncode == 1
    assert says in complained
    assert "Traceback" not in complained


def test_keys_come_from_the_seed_and_have_the_form_of_the_venue():
    for venue in VenueName:
        assert simulated_key(venue, 1) == simulated_key(venue, 1) != simulated_key(venue, 2)
    coinbase = simulated_key(VenueName.COINBASE, 1)
    assert coinbase.key.startswith("organizations/")
    assert load_pem_private_key(coinbase.secret.encode(), None).curve.name == "secp256r1"
    assert len(simulated_key(VenueName.BINANCE_US, 1).key) == 64
    assert simulated_key(VenueName.KUCOIN, 1).passphrase


COMMAND = ("-c", "from launcher.cli import main; main()", "simulator", "up")


def test_the_command_starts_all_and_tells_programs_how_to_trade_there():
    first = spare_port()
    one = process(
        *COMMAND, "--json", "--first-port", str(first), "--seed", "3", "--venues", "coinbase"
    )
    text = ""
    while not text.rstrip().endswith("]\n]") and not text.endswith("\n]\n"):
        text += one.stdout.readline()
    (told,) = json.loads(text)
    environment = told["environment"]
    assert environment["EXECUTOR__VENUE"] == "coinbase"
    assert environment["EXECUTOR__VENUE_URL"] == f"http://127.0.0.1:{first}"
    assert environment["EXECUTOR__VENUE_STREAM_URL"] == f"ws://127.0.0.1:{first}"
    secret = environment["COINBASE_API_SECRET"].replace("\\n", "\n")
    assert secret == simulated_key(VenueName.COINBASE, 3).secret
    assert httpx.get(told["url"] + "/__sim/health", trust_env=False).json()["is_conserved"]
    one.send_signal(signal.SIGINT)
    finished(one)
    assert one.returncode == 0


def test_the_command_shows_people_what_to_paste():
    first = spare_port()
    one = process(*COMMAND, "--first-port", str(first), "--venues", "kucoin,binance_us")
    time.sleep(0)
    lines = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(one.stdout.readline())
    one.send_signal(signal.SIGTERM)
    finished(one)
    text = "".join(lines)
    assert f"http://127.0.0.1:{first + 1}" in text
    (pasted,) = [line for line in lines if "EXECUTOR__VENUE=kucoin" in line]
    assert pasted.startswith("export TRADING_MODE=paper ")
    assert f"EXECUTOR__VENUE_URL=http://127.0.0.1:{first + 2} " in pasted
    assert "KUCOIN_API_PASSPHRASE=" in pasted
    assert pasted.count("TRADING_MODE=") == 1
    # whoever pastes it has a key of the platform, and books that know of nothing else
    assert "TRADING_API_KEYS=" in pasted
    assert "TRADING_STATE_DIR=var/simulated/kucoin-" in pasted


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--venues", "kraken"), 2, "choose from coinbase"),
        (("--symbols", "btc"), 2, "BTC-USDT"),
        (("--prices", "BTC-USD=-1"), 2, "BTC-USD=65000"),
        (("--prices", "BTC-USD"), 2, "BTC-USD=65000"),
        (("--prices", "BTC-USD=nowhere.csv"), 2, "does not exist"),
    ],
)
def test_a_command_that_cannot_be_understood_says_what_to_write(words, code, says):
    asked = ["simulator", "up", *words]
    result = CliRunner().invoke(application(asked), asked)
    assert result.exit_code == code
    assert says in result.output


def test_a_port_that_is_taken_is_said():
    with running_simulator("kucoin", hosting=small_hosting()) as sim:
        port = sim.listening.port - list(VenueName).index(VenueName.KUCOIN)
        asked = ["simulator", "up", "--venues", "kucoin", "--first-port", str(port)]
        result = CliRunner().invoke(application(asked), asked)
    assert result.exit_code == 4
    assert "--first-port" in result.output
