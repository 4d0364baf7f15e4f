"""`trading models demo`: what a container runs before the service that asks the models."""

import pytest
from typer.testing import CliRunner

from launcher.cli import application
from launcher.model_keys import trust_of
from models.aliases import Role
from models.registry import Registry
from shared.runtime.settings import PlatformSettings, load


@pytest.fixture
def demo(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(tmp_path / "served"))
    monkeypatch.setenv("COLUMNS", "240")

    def run():
        return CliRunner().invoke(application(["models", "demo"]), ["models", "demo"])

    return run


@pytest.mark.long  # that it trains and is served: tests/kubernetes/test_cluster.py
def test_it_makes_signed_champions_where_they_are_served_from_and_only_once(demo, tmp_path):
    served = tmp_path / "served"
    first = demo()
    assert (first.exit_code, f"is in {served}" in first.stdout) == (0, True)
    releases = Registry(served, trust=trust_of(load(PlatformSettings))).releases()
    assert releases
    assert all(Role.CHAMPION in one.roles for one in releases if one.manifest.scope == "GLOBAL")
    before = {path: path.stat().st_mtime_ns for path in served.rglob("*") if path.is_file()}
    second = demo()
    assert (second.exit_code, "nothing to do" in second.stdout) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in served.rglob("*") if path.is_file()} == before


def test_candles_of_a_venue_get_no_demonstration_and_nobody_is_kept_from_starting(
    demo, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRADING_MODE", "paper")
    monkeypatch.setenv("MARKET__VENUE", "coinbase")
    monkeypatch.setenv("MARKET_DATA__SOURCE", "venue")
    told = demo()
    assert (told.exit_code, "trading train" in told.stdout) == (0, True)
    assert not (tmp_path / "served").exists()
