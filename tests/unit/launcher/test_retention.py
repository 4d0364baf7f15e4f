"""What a training leaves of the releases before it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from launcher import training
from launcher.cli import application
from launcher.retention import retire_old_releases
from models.aliases import Role
from models.registry import Registry
from shared.db.engine import connect
from shared.runtime.settings import PlatformSettings, load
from signal_generator.tables import ml_shadow_signals, ml_signals
from tests.unit.models.made_releases import TRUST, generations

AT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A configuration of a market that is not invented; nothing is there yet."""
    told = {"TRADING_STATE_DIR": str(tmp_path / "var"), "MARKET__VENUE": "made"}
    told["MARKET__INSTRUMENTS"] = "BTC-USDT,ETH-USDT"
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return load(PlatformSettings)


@pytest.fixture
def database(platform):
    asked = ["db", "migrate"]
    assert CliRunner().invoke(application(asked), asked).exit_code == 0
    return connect(platform.database())


@pytest.fixture
def ids(platform):
    """Nine releases of two scopes, oldest first."""
    root = platform.state_dir / "models"
    root.mkdir(parents=True)
    return generations(root, 9, ("GLOBAL", "BTCUSDT"))


def said(table, release_id):
    row = {
        "signal_id": f"{table.name}-{release_id}", "symbol": "BTC-USDT", "interval": "1h",
        "closed_at": AT, "expires_at": AT, "action": "HOLD", "confidence": 0.0, "coverage": 1.0,
        "reasons": [], "price": 1, "features": b"", "carry": b"", "release_id": release_id,
    }  # fmt: skip
    return insert(table).values({name: one for name, one in row.items() if name in table.c})


def left(platform, scope):
    listed = Registry(platform.state_dir / "models", trust=TRUST).releases()
    return {one.path.name for one in listed if one.manifest.scope == scope}


def test_unreferenced_old_releases_go_and_those_of_signals_and_roles_stay(platform, database, ids):
    pooled, own = ids["GLOBAL"], ids["BTCUSDT"]
    registry = Registry(platform.state_dir / "models", trust=TRUST)
    registry.promote("GLOBAL", pooled[0])
    registry.point("BTCUSDT", {Role.SHADOW: own[0], Role.RETIRED: own[1]})
    with database.begin() as connection:
        connection.execute(said(ml_signals, pooled[1]))
        connection.execute(said(ml_shadow_signals, own[2]))
    line = retire_old_releases(platform)
    assert left(platform, "GLOBAL") == {*pooled[:2], *pooled[4:]}
    assert left(platform, "BTCUSDT") == {*own[:3], *own[4:]}
    assert "\n" not in line
    assert all(name in line for name in (*pooled[2:4], own[3]))
    assert retire_old_releases(platform) == ""


def test_where_no_signal_is_stored_only_the_newest_and_the_roles_stay(platform, database, ids):
    retire_old_releases(platform)
    assert left(platform, "GLOBAL") == {*ids["GLOBAL"][4:]}


def test_all_stay_where_the_database_cannot_be_asked(platform, ids):
    line = retire_old_releases(platform)
    assert line.startswith("Old releases were kept: the database lacks tables")
    assert "\n" not in line
    assert left(platform, "GLOBAL") == {*ids["GLOBAL"]}


def test_all_stay_where_the_roles_cannot_be_read(platform, database, ids):
    for scope in ids:
        (platform.state_dir / "models" / scope / "aliases.json").write_text("{")
    assert retire_old_releases(platform).startswith("Old releases were kept: ")
    assert left(platform, "GLOBAL") == {*ids["GLOBAL"]}


def test_on_an_invented_market_nothing_is_deleted(platform, database, ids, monkeypatch):
    monkeypatch.setenv("MARKET__VENUE", "synthetic")
    assert retire_old_releases(load(PlatformSettings)) == ""
    assert left(platform, "GLOBAL") == {*ids["GLOBAL"]}


@pytest.mark.parametrize(("words", "count"), [((), 5), (("--shard", "0/2"), 9)])
def test_a_finished_training_throws_away_and_a_shard_does_not(
    platform, database, ids, monkeypatch, words, count
):
    monkeypatch.setattr(training, "stored", lambda *_: {})
    monkeypatch.setattr(training, "train_models", lambda *_: [])
    monkeypatch.setattr(training, "work_shard", lambda *_: 0)
    asked = ["train", "--json", *words]
    result = CliRunner().invoke(application(asked), asked)
    assert "Old releases deleted" not in result.stdout
    assert len(left(platform, "GLOBAL")) == count, result.output
