"""Live refuses to start, as a real process, and says everything that is missing at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
REASONS = (
    "EXECUTOR__BINANCE_US_ENABLED",
    "TRADING_LIVE_CONFIRM",
    "no consent to live trading",
    "key 1 is weak",
    "EXECUTOR__MAX_ORDER_NOTIONAL",
    "EXECUTOR__MAX_ORDERS_PER_MINUTE",
    "DB_HOST",
    "REDIS_HOST",
    "trading db migrate",
)


def start(tmp_path, **told):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TRADING_STATE_DIR": str(tmp_path / "var"),
        "MARKET__VENUE": "binance_us",
        "MARKET__INSTRUMENTS": "BTC-USDT",
        "MARKET_DATA__SOURCE": "venue",
        "EXECUTOR__VENUE": "binance_us",
        "TRADING_API_KEYS": "admin:" + "changeme" * 5,
        **told,
    }
    return subprocess.run(
        [sys.executable, "-m", "executor"], env=environment, cwd=REPOSITORY, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_live_names_every_reason_and_asks_no_venue_that_is_off(tmp_path):
    ended = start(
        tmp_path,
        TRADING_MODE="live",
        BINANCE_US_API_KEY="a-key",
        BINANCE_US_API_SECRET="its-secret",
    )
    assert ended.returncode == 78
    assert all(reason in ended.stderr for reason in REASONS)
    assert "its-secret" not in ended.stderr
    assert "gate.not_answered" not in ended.stderr


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"TRADING_MODE": "live", "EXECUTOR__VENUE": "simulated"},
            "coinbase, binance_us or kucoin",
        ),
        ({"TRADING_MODE": "paper"}, "paper mode sends no order to a real venue"),
        (
            {"TRADING_MODE": "paper", "EXECUTOR__VENUE_URL": "https://api.binance.us"},
            "paper mode sends no order to a real venue",
        ),
        ({"TRADING_MODE": "paper", "EXECUTOR__VENUE": "kraken"}, "EXECUTOR__VENUE"),
        (
            {"TRADING_MODE": "paper", "EXECUTOR__VENUE_URL": "http://127.0.0.1:1/path"},
            "EXECUTOR__VENUE_URL",
        ),
    ],
)
def test_a_mode_and_a_place_that_do_not_go_together_are_refused(tmp_path, told, words):
    ended = start(tmp_path, **told)
    assert ended.returncode == 78
    assert words in ended.stderr
