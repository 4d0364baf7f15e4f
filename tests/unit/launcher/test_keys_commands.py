"""`trading keys ...` as a person types it: shown once, listed without secrets, ended, replaced."""

import json
import re
import stat

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from launcher.assembly import NAMES
from launcher.cli import application
from launcher.console import CONFIGURATION, FAILED, USAGE
from launcher.keys import duration
from launcher.person import person
from portfolio.handlers.posting import ACTOR as BOOKKEEPER
from risk.handlers.state import BRAKE
from risk.handlers.watch import STATE_FILE
from risk.repository.policy import CONFIGURATION as POLICY_ACTOR
from shared.db.engine import DatabaseAddress, connect
from shared.domain.errors import BadInput
from shared.http.keys import api_keys
from shared.runtime.pepper import PEPPER_FILE
from tests.database import empty_database

KEY = re.compile(r"tk_mock_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def trading(tmp_path):
    folder = tmp_path / "var"
    empty_database(DatabaseAddress(file=folder / "trading.sqlite"))

    def run(*words, **more):
        env = {"TRADING_STATE_DIR": str(folder), "COLUMNS": "250", **more}
        asked = ["keys", *words]
        return CliRunner().invoke(application(asked), asked, env=env)

    return run


def made(answer):
    assert answer.exit_code == 0, answer.output
    return KEY.search(answer.stdout)[0]


def listed(trading):
    return {one["key_id"]: one for one in json.loads(trading("list", "--json").stdout)}


def test_a_key_is_shown_once_and_never_listed(trading, tmp_path):
    key = made(trading("create", "ops", "--scope", "admin", "--expires", "90d"))
    shown = trading("list")
    assert "ops" in shown.output
    assert key not in shown.output
    assert key.split("_", 3)[3] not in shown.output + trading("list", "--json").output
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or key.split("_", 3)[3].encode() not in file.read_bytes(), file


def test_the_pepper_is_made_once_and_read_by_its_owner_only(trading, tmp_path):
    file = tmp_path / "var" / PEPPER_FILE
    made(trading("create", "a"))
    first = file.read_text()
    made(trading("create", "b"))
    assert file.read_text() == first
    assert len(first.strip()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.glob(f"{PEPPER_FILE}*")] == [PEPPER_FILE]


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_beyond_mock_no_key_is_made_without_a_pepper_and_the_setting_is_named(trading, mode):
    refused = trading("create", "ops", TRADING_MODE=mode)
    assert refused.exit_code == CONFIGURATION
    assert "TRADING_KEY_PEPPER" in refused.output
    short = trading("create", "ops", TRADING_MODE=mode, TRADING_KEY_PEPPER="short")
    assert (short.exit_code, "32 characters" in short.output) == (CONFIGURATION, True)
    given = trading("create", "ops", TRADING_MODE=mode, TRADING_KEY_PEPPER="p" * 40)
    assert f"tk_{mode}_" in given.stdout


def test_beyond_mock_another_pepper_is_refused_until_the_keys_of_the_old_one_are_ended(trading):
    old, new = ({"TRADING_MODE": "paper", "TRADING_KEY_PEPPER": one * 40} for one in "pq")
    first = re.search(r"tk_paper_([0-9a-f]{8})_", trading("create", "ops", **old).stdout)[1]
    trading("create", "gone", "--expires", "1m", **old)
    for words in (("create", "bot"), ("rotate", first)):
        refused = trading(*words, **new)
        assert refused.exit_code == CONFIGURATION, refused.output
        assert f"TRADING_KEY_PEPPER: the keys {first}, " in refused.output
        assert "trading keys revoke ID" in refused.output
    for key_id in listed(trading):
        assert trading("revoke", key_id, **new).exit_code == 0
    assert trading("create", "bot", **new).exit_code == 0
    assert trading("create", "late", **old).exit_code == CONFIGURATION


def test_a_key_is_for_the_services_that_are_named(trading):
    words = ("create", "bot", "--scope", "trade", "--service", "risk", "--service", "portfolio")
    key_id = made(trading(*words)).split("_")[2]
    assert listed(trading)[key_id]["services"] == ["portfolio", "risk"]
    for name in NAMES:
        made(trading("create", f"for-{name}", "--service", name))


def test_a_rotation_leaves_two_keys_and_says_when_the_old_one_ends(trading):
    old = made(trading("create", "bot")).split("_")[2]
    rotated = trading("rotate", old, "--overlap", "24h")
    new = made(rotated).split("_")[2]
    assert f"The old key {old} ends at" in rotated.stderr
    keys = listed(trading)
    assert [keys[one]["state"] for one in (old, new)] == ["valid", "valid"]
    assert (keys[old]["expires_at"] is None, keys[new]["expires_at"]) == (False, None)
    again = trading("rotate", new)
    assert (again.exit_code, "revoke one first" in again.output) == (FAILED, True)
    assert trading("revoke", old).exit_code == 0
    assert listed(trading)[old]["state"] == "revoked"


@pytest.mark.parametrize(
    "words",
    [
        ("create", "x", "--scope", "owner"),
        ("create", "x", "--service", "bakery"),
        ("create", " x"),
        ("create", "x", "--expires", "soon"),
        ("create", "x", "--expires", "0d"),
        ("create", "x", "--expires", "99999d"),
        ("rotate", "00ff00ff", "--overlap", "31d"),
        ("rotate", "00ff00ff", "--overlap", "-1h"),
        ("rotate", "tk_mock_00ff00ff_" + "x" * 43),
        ("revoke", "all"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(trading, words):
    refused = trading(*words)
    assert refused.exit_code == USAGE, refused.output
    assert listed(trading) == {}


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        *("Risk", "EXECUTOR", "configuration", "monitoring", "panic", "cli", "configured-7"),
        *(POLICY_ACTOR, BRAKE, STATE_FILE, BOOKKEEPER, person().partition(":")[0]),
    ],
)
def test_no_key_is_called_like_what_acts_by_itself(trading, name):
    refused = trading("create", name)
    assert refused.exit_code == USAGE, refused.output
    assert "NAME: in the audit" in refused.output
    assert "name the person or program" in refused.output
    assert listed(trading) == {}


@pytest.mark.parametrize(
    "name", ["", " x", '../x"y', "a b", "a/b", "a:b", "x\ny", "\u00e9", "x" * 65, person()]
)
def test_no_key_has_a_name_that_the_audit_could_not_show(trading, name):
    refused = trading("create", "--", name)
    assert refused.exit_code == USAGE, refused.output
    assert "NAME: " in refused.output
    assert "letters, digits" in refused.output
    assert listed(trading) == {}


def test_a_key_of_an_earlier_time_keeps_its_name_and_can_be_replaced(trading, tmp_path):
    old = made(trading("create", "grafana")).split("_")[2]
    engine = connect(DatabaseAddress(file=tmp_path / "var" / "trading.sqlite"))
    with engine.begin() as connection:
        connection.execute(update(api_keys).values(name="first start"))
    engine.dispose()
    new = made(trading("rotate", old)).split("_")[2]
    assert listed(trading)[new]["name"] == "first start"


def test_a_key_that_is_not_there_is_said_not_to_be(trading):
    for command in ("rotate", "revoke"):
        refused = trading(command, "00ff00ff")
        assert (refused.exit_code, "there is no key 00ff00ff" in refused.output) == (FAILED, True)


@pytest.mark.parametrize("text", ["", "d", "1", "1w", "1e3d", "\u0661d", "1.5h", "1" * 30 + "d"])
def test_durations_are_whole_minutes_hours_or_days(text):
    with pytest.raises(BadInput):
        duration("--expires", text)
