"""`trading lint-leakage`, as a person types it."""

import json
import sys

import pytest
from typer.testing import CliRunner

from launcher import leaks
from launcher.cli import application
from models.leakage.planted import LEAKS
from models.leakage.selftest import selftest

OF_MINE = """
import numpy as np

def ahead(candles):
    close = candles.ohlcv[:, 3]
    return (np.append(close[1:], np.nan) / close - 1)[:, None], ["ahead"]

def broken(candles):
    raise KeyError("volume")
"""


@pytest.fixture
def trading(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MARKET__INSTRUMENTS", "BTC-USDT")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "of_mine.py").write_text(OF_MINE)

    def run(*words):
        asked = ["lint-leakage", *words]
        return CliRunner().invoke(application(asked), asked)

    yield run
    sys.modules.pop("of_mine", None)


@pytest.mark.long  # each planted leak by itself: tests/unit/models/test_leakage.py
def test_what_looks_ahead_is_named_and_ends_with_one(trading):
    result = trading("--features", "of_mine:ahead", "--json")
    assert result.exit_code == 1, result.output
    said = json.loads(result.stdout)
    assert not said["is_clean"]
    findings = {one["check"]: one for one in said["findings"]}
    assert findings["L1"]["verdict"] == findings["L3"]["verdict"] == "failed"
    assert "'ahead'" in findings["L1"]["detail"]
    assert findings["L2"]["verdict"] == "failed"
    assert findings["L10"]["verdict"] == "passed"


@pytest.mark.long
def test_a_clean_catalogue_ends_with_zero(trading):
    result = trading("--symbols", "BTC-USDT")
    assert result.exit_code == 0, result.output
    assert "No leak found." in result.output
    assert "L10 time order" in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--features", "of_mine:broken"), "raised KeyError: 'volume'"),
        (("--features", "of_mine:nothing"), "has no function 'nothing'"),
        (("--features", "nowhere_at_all:f"), "cannot be imported"),
        (("--symbols", "DOGE-USDT"), "is not traded here"),
        (("--from", "2023-06-01"), "405 are needed"),
        (("--from", "2031-01-01"), "there are none of ['BTC-USDT']"),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_one_line(trading, words, says):
    result = trading(*words)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("caught_by", "code"), [pytest.param("L1", 0, marks=pytest.mark.long), ("L7", 1)]
)
def test_the_self_test_says_what_was_caught(trading, monkeypatch, caught_by, code):
    leak = LEAKS[0].__class__(name="centred window", plant=LEAKS[0].plant, caught_by=caught_by)
    monkeypatch.setattr(
        leaks, "selftest", lambda report: selftest(report, leaks=(leak,), clean_sets=1)
    )
    shown = trading("--selftest")
    assert shown.exit_code == code
    assert ("caught" in shown.output) == (code == 0) or "MISSED" in shown.output
    assert f"{1 - code} of 1 leaks caught, 0 false alarms on 1 clean sets." in shown.output
    said = json.loads(trading("--selftest", "--json").stdout)
    assert said["is_well"] is (code == 0)
