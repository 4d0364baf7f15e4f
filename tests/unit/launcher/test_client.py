"""The command asks where the services of its settings listen, unless it is told another place."""

import pytest

from launcher.client import Platform
from shared.runtime.settings import PlatformSettings, load


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({}, "127.0.0.1"),
        ({"TRADING_BIND_HOST": "0.0.0.0"}, "127.0.0.1"),
        ({"TRADING_BIND_HOST": "127.0.0.77"}, "127.0.0.77"),
        ({"TRADING_BIND_HOST": "127.0.0.77", "TRADING_HOST": "127.0.0.8"}, "127.0.0.8"),
    ],
)
def test_the_command_asks_where_its_services_listen(told, asked, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("TRADING_HOST", "TRADING_BIND_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert (
        Platform(load(PlatformSettings))._url("risk", "/exposure")
        == f"http://{asked}:8027/exposure"
    )
