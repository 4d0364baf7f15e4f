"""What the doctor finds out about the venue that orders go to."""

from datetime import timedelta

import pytest

from executor.settings import ExecutorSettings
from launcher.venue_checks import check_venues
from shared.runtime.settings import Mode, PlatformSettings
from simulator.server import running_simulator
from tests.conftest import spare_port
from venues.port import VenueName


@pytest.fixture
def paper(monkeypatch):
    """Return what asks a simulator, or an address, with a key."""

    def at(simulator, url=None, secret=None):
        key, prefix = simulator.key, simulator.venue.upper()
        monkeypatch.setenv(f"{prefix}_API_KEY", key.key)
        monkeypatch.setenv(f"{prefix}_API_SECRET", secret or key.secret)
        monkeypatch.setenv(f"{prefix}_API_PASSPHRASE", key.passphrase)
        platform = PlatformSettings(trading_mode=Mode.PAPER)
        settings = ExecutorSettings(venue=str(simulator.venue), venue_url=url or simulator.url)
        return dict(check_venues(platform, settings))

    return at


def test_nobody_is_asked_where_orders_stay_in_our_own_process():
    assert not check_venues(PlatformSettings(trading_mode=Mode.PAPER), ExecutorSettings())


@pytest.mark.parametrize("name", list(VenueName))
def test_a_venue_that_answers_and_takes_the_key_is_well(paper, name):
    with running_simulator(name) as simulator:
        assert paper(simulator) == {f"{name} answers": None, f"{name} takes the key": None}


def test_a_wrong_secret_an_absent_venue_and_a_wrong_clock_are_told_apart(paper):
    with running_simulator(VenueName.KUCOIN) as simulator:
        assert paper(simulator, secret="wrong")["kucoin takes the key"]
        away = paper(simulator, url=f"http://127.0.0.1:{spare_port()}")
        assert "no answer" in away["kucoin answers, with our time"]
        simulator.exchange.clock.offset = timedelta(seconds=3)
        said = paper(simulator)["kucoin answers, with our time"]
        assert "3.0" in said or "2.99" in said


def test_a_key_that_is_not_there_is_named(monkeypatch):
    monkeypatch.delenv("KUCOIN_API_KEY", raising=False)
    settings = ExecutorSettings(venue="kucoin", venue_url="http://127.0.0.1:9033")
    found = dict(check_venues(PlatformSettings(trading_mode=Mode.PAPER), settings))
    assert "KUCOIN_API_KEY" in found["kucoin is configured"]
