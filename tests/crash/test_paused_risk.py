"""A risk that is paused in the middle of a verdict holds nobody up for long, and decides anew."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from risk.app import opening_of, own_transactions
from risk.handlers.state import change_state
from risk.settings import RiskSettings
from shared.domain.enums import TradingState
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load

WITHIN_SECONDS = 9.0  # two of silence, and the pauses between the tries to lock


@pytest.fixture
def paused(mariadb_engine, mariadb_server, monkeypatch, tmp_path):
    address = mariadb_server.address
    told = {
        "DB_HOST": address.host, "DB_PORT": str(address.port), "DB_USER": address.user,
        "TRADING_STATE_DIR": str(tmp_path),
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.paused_risk"], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2], env={**os.environ, **told},
    )  # fmt: skip
    yield process
    process.kill()
    process.stdout.close()
    process.wait(10)


def test_a_halt_does_not_wait_for_a_paused_risk_and_its_verdict_is_reached_anew(paused):
    assert paused.stdout.readline() == "paused\n"
    time.sleep(0.1)
    platform = load(PlatformSettings)
    opening = opening_of(RiskSettings(), platform)
    began = time.monotonic()
    changed = own_transactions(build_runtime(platform)).attempt(
        lambda uow: change_state(uow, opening, TradingState.HALT, "test", "while it sleeps")
    )
    assert changed.state is TradingState.HALT
    assert time.monotonic() - began < WITHIN_SECONDS
    paused.send_signal(signal.SIGCONT)
    said = json.loads(paused.stdout.readline())
    assert said["failures"] == 1  # its transaction was rolled back meanwhile
    assert "trading_state" in said["decided"][0]
