"""`trading models ...`, as a person types it: on files and database, and through the service."""

import json
import os
import random
import shutil
import threading
import time
from datetime import UTC, datetime

import pytest
import uvicorn
from sqlalchemy import select
from typer.testing import CliRunner

from launcher.cli import application
from launcher.model_desk import FileDesk
from launcher.model_keys import signer_of
from launcher.model_view import health_row
from shared.bus.history import last_instant
from shared.db.audit import audit
from shared.db.engine import connect
from shared.domain.enums import Interval
from shared.domain.events import CandlesClosed
from shared.http.auth import HEADER
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load
from signal_generator.app import build
from signal_generator.settings import SignalGeneratorSettings
from tests.challengers import challenger, champion_of, gate
from tests.unit.models.trained_models import train_into

KEYS = {scope: scope[0] * 40 for scope in ("read", "admin")}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained")
    train_into(root)
    return root


@pytest.fixture
def models(trained, tmp_path, monkeypatch):
    """A state folder with champions of a made-up market, and a database."""
    settings = {
        "TRADING_STATE_DIR": str(tmp_path / "var"), "MARKET__VENUE": "made", "COLUMNS": "240",
        "MARKET__INSTRUMENTS": "BTC-USDT,ETH-USDT", "ALLOW_UNSIGNED_MODELS": "true",
        "TRADING_HOST": "127.0.0.8",
        "TRADING_API_KEYS": ",".join(f"{scope}:{key}" for scope, key in KEYS.items()),
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(trained, tmp_path / "var" / "models")
    asked = ["db", "migrate"]
    assert CliRunner().invoke(application(asked), asked).exit_code == 0
    return tmp_path / "var" / "models"


def trading(*words):
    asked = ["models", *words]
    return CliRunner().invoke(application(asked), asked)


def audited():
    engine = connect(load(PlatformSettings).database())
    columns = (audit.c.actor, audit.c.action, audit.c.subject, audit.c.detail)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(audit.c.seq))]


@pytest.fixture
def service(models, monkeypatch):
    """The signal generator, listening on an address of its own."""
    host = f"127.{random.randrange(1, 255)}.{os.getpid() % 250 + 1}.9"
    monkeypatch.setenv("TRADING_HOST", host)
    built = build(load(SignalGeneratorSettings), build_runtime(load(PlatformSettings)))
    config = uvicorn.Config(built.api, host=host, port=built.port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield built
    server.should_exit = True
    thread.join()


def test_every_release_is_listed_with_roles_skill_and_verdict(models):
    new = challenger(models, "BTCUSDT", gate(None), gate_passed=True)
    rows = {one["release_id"]: one for one in json.loads(trading("list", "--json").stdout)}
    assert len(rows) == 4
    assert rows[new]["roles"] == "challenger, shadow"
    assert rows[new]["gate"] == "passed"
    champion = rows[champion_of(models, "BTCUSDT")]
    assert champion["roles"] == "champion"
    assert champion["gate"] == "not passed"
    assert 0 < champion["auc"] < 1
    shown = trading("list").output
    assert all(name in shown for name in ("BTCUSDT", "ETHUSDT", "GLOBAL", "2026-11-21 01:30 UTC"))


def test_without_models_the_list_says_how_to_get_some(models):
    shutil.rmtree(models)
    assert "'trading train' makes some" in trading("list").output
    assert json.loads(trading("list", "--json").stdout) == []


def test_a_release_is_shown_with_its_conditions_and_its_report(models, tmp_path):
    page = tmp_path / "page.html"
    shown = trading("show", "BTCUSDT_full", "--html", str(page))
    assert shown.exit_code == 0, shown.output
    assert "ranks wins before losses" in shown.output
    assert "should not trade" in shown.output
    assert "What to try:" in shown.output
    assert champion_of(models, "BTCUSDT") in page.read_text()
    said = json.loads(trading("show", champion_of(models, "GLOBAL"), "--json").stdout)
    assert said["manifest"]["scope"] == "GLOBAL"
    assert said["gate"]["conditions"]
    assert said["evaluation"]["skill"]["auc"]["value"] > 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "DOGE"), 1, "not_found: no release has the id DOGE"),
        (("promote", "DOGE"), 1, "not_found: no release has the id DOGE"),
        (("verify", "_013000"), 2, "may be BTCUSDT_full"),
        (("promote", ""), 1, "not_found"),
        (("rollback", "DOGE-USDT"), 1, "there is no model of DOGEUSDT"),
        (("rollback", "../x"), 2, "bad_input: scope"),
        (("rollback", "GLOBAL"), 3, "no_previous: GLOBAL has no release to go back to"),
        (("show", "BTC", "--html", "/nowhere/x.html"), 2, "--html"),
        (("health",), 4, "does not answer"),
        (("promote",), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line_and_its_exit_code(models, words, code, says):
    result = trading(*words)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output


def test_verification_names_what_is_wrong_with_each(models):
    assert trading("verify", "all").exit_code == 0
    old = challenger(models, "ETHUSDT", gate(None), expires_at=datetime(2026, 11, 21, tzinfo=UTC))
    booster = models / "GLOBAL" / champion_of(models, "GLOBAL") / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1] + b"!")
    (models / "BTCUSDT" / champion_of(models, "BTCUSDT") / "manifest.json").write_text("{")
    result = trading("verify", "all", "--json")
    assert result.exit_code == 3
    found = {one["release_id"]: one["result"] for one in json.loads(result.stdout)}
    assert found[old] == "expired"
    assert sorted(found.values()) == ["expired", "hash_mismatch", "ok", "unreadable_manifest"]
    served = trading("verify", "served", "--json")
    assert served.exit_code == 3
    assert old in found
    assert old not in {one["release_id"] for one in json.loads(served.stdout)}
    shown = trading("show", "GLOBAL")
    assert shown.exit_code == 3
    assert "hash_mismatch: booster.ubj" in shown.output


def test_a_refused_promotion_shows_every_condition_and_changes_nothing(models):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion, is_passed=False))
    result = trading("promote", new)
    assert result.exit_code == 3
    for words in ("earns per trade", "0.041%", "days in shadow", "gate_refused: It is so."):
        assert words in result.output
    assert champion_of(models, "BTCUSDT") == champion
    assert audited() == []
    said = json.loads(trading("promote", new, "--json").stdout)
    assert said["reason"] == "gate_refused"
    assert said["conditions"][0]["is_met"] is False


def test_an_override_and_a_rollback_without_a_service_are_audited(models):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion, is_passed=False))
    result = trading("promote", new, "--override", "dry run")
    assert result.exit_code == 0, result.output
    assert "Overridden, and kept in the audit: earns per trade" in result.output
    assert champion_of(models, "BTCUSDT") == new
    assert trading("rollback", "BTC-USDT").exit_code == 0
    assert champion_of(models, "BTCUSDT") == champion
    (first, second) = audited()
    assert first[:3] == ("command-line", "model.promoted", new)
    assert first[3]["override"] == "dry run"
    assert second[:3] == ("command-line", "model.rolled_back", champion)


def test_a_disk_that_takes_no_alias_is_said_in_one_line(models):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion, is_passed=False))
    in_the_way = models / "BTCUSDT" / ".aliases.json.tmp"
    in_the_way.mkdir()
    result = trading("promote", new, "--override", "dry run")
    assert (result.exit_code, "alias_not_moved: " in result.output) == (1, True), result.output
    assert "Traceback" not in result.output
    assert champion_of(models, "BTCUSDT") == champion
    in_the_way.rmdir()
    assert trading("promote", new, "--override", "dry run").exit_code == 0


def test_in_live_an_override_is_refused(models, monkeypatch):
    signer = signer_of(load(PlatformSettings))
    new = challenger(models, "GLOBAL", gate(champion_of(models, "GLOBAL")), signer=signer)
    monkeypatch.setenv("ALLOW_UNSIGNED_MODELS", "false")
    monkeypatch.setenv("TRADING_MODE", "live")
    result = trading("promote", new, "--override", "dry run")
    assert (result.exit_code, "override_refused" in result.output) == (3, True), result.output
    unsigned = trading("promote", champion_of(models, "ETHUSDT"), "--override", "dry run")
    assert (unsigned.exit_code, "unsigned: there is no" in unsigned.output) == (3, True)


@pytest.mark.parametrize("reason", ["", "  ", "x", "a\nb", "y" * 201])
def test_a_reason_that_is_none_overrides_nothing_without_a_service_either(models, reason):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion, is_passed=False))
    result = trading("promote", new, "--override", reason)
    assert (result.exit_code, "bad_input: override" in result.output) == (2, True), result.output
    assert champion_of(models, "BTCUSDT") == champion


def test_a_database_without_tables_is_said_to_be_one(models):
    new = challenger(models, "GLOBAL", gate(champion_of(models, "GLOBAL")))
    (models.parent / "trading.sqlite").unlink()
    result = trading("promote", new, "--override", "dry run")
    assert result.exit_code == 4
    assert "run 'trading db migrate'" in result.output


def test_a_promotion_by_hand_leaves_the_time_of_the_candles_alone(models):
    at = datetime(2024, 3, 1, 5, tzinfo=UTC)
    runtime = build_runtime(load(PlatformSettings))
    runtime.clock.observe(at)
    with runtime.transactions("market_data").begin() as uow:
        nothing = {"shard": 0, "candles": (), "references": ()}
        uow.emit(CandlesClosed(venue="made", interval=Interval.H1, closed_at=at, **nothing))
    new = challenger(models, "GLOBAL", gate(champion_of(models, "GLOBAL")))
    FileDesk(load(PlatformSettings)).promote(new, "dry run")
    with runtime.transactions("market_data").read() as connection:
        assert last_instant(connection) == at


def test_a_running_service_is_asked_and_knows_who_asked(models, service, monkeypatch):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion, is_passed=False))
    monkeypatch.setenv("TRADING_API_KEY", KEYS["admin"])
    refused = trading("promote", new)
    assert refused.exit_code == 3
    assert "earns per trade" in refused.output
    assert "gate_refused: It is so." in refused.output
    assert trading("promote", new, "--override", "dry run").exit_code == 0
    labels = {"symbol": "BTC-USDT", "release_id": new, "role": "champion"}
    assert service.metrics.registry.get_sample_value("model_info", labels) == 1
    assert trading("rollback", "BTC-USDT").exit_code == 0
    again = trading("rollback", "BTC-USDT")
    assert (again.exit_code, "no_previous: BTCUSDT" in again.output) == (3, True)
    in_the_way = models / "BTCUSDT" / ".aliases.json.tmp"
    in_the_way.mkdir()
    failed = trading("promote", new, "--override", "dry run")
    assert (failed.exit_code, "alias_not_moved: " in failed.output) == (1, True), failed.output
    unknown = trading("rollback", "DOGE-USDT")
    assert (unknown.exit_code, "not_found: there is no" in unknown.output) == (1, True)
    assert {row[0] for row in audited()} == {"configured-2"}
    assert "not judged yet" in trading("health").output
    assert json.loads(trading("health", "BTC-USDT", "--json").stdout) == []
    assert trading("health", "DOGE-USDT").exit_code == 2


def test_alarms_are_said_with_what_they_read_and_their_limit():
    alarm = {"monitor": "calibration", "state": "red", "value": -3.217, "limit": 3.0}
    lost = {"monitor": "prediction_drift", "state": "red", "value": None, "limit": 0.5}
    row = health_row({"day": "2026-11-21T00:00:00Z", "alarms": [alarm, lost]})
    assert row["day"] == "2026-11-21"
    assert row["alarms"] == "calibration red: -3.22, limit 3; prediction_drift red: -, limit 0.5"
    assert health_row({"day": "2026-11-21T00:00:00Z", "alarms": []})["alarms"] is None


def test_a_key_that_may_only_read_changes_nothing(models, service, monkeypatch):
    champion = champion_of(models, "BTCUSDT")
    new = challenger(models, "BTCUSDT", gate(champion))
    monkeypatch.setenv("TRADING_API_KEY", KEYS["read"])
    result = trading("promote", new, "--override", "dry run")
    assert result.exit_code == 3
    assert "scope 'read'" in result.output
    assert champion_of(models, "BTCUSDT") == champion
    assert HEADER not in result.output
