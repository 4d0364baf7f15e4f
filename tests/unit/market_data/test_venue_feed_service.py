"""Which candles a mode may trade, and what a venue's instruments must agree with."""

import re

import pytest

from launcher.reference import pages
from market_data.settings import MarketDataSettings
from shared.runtime.settings import (
    ConfigurationError,
    MarketSettings,
    PlatformSettings,
    load,
)


def check(tmp_path, mode, source, venue="coinbase", **more):
    platform = load(
        PlatformSettings,
        trading_state_dir=tmp_path,
        trading_mode=mode,
        market=load(MarketSettings, venue=venue),
    )
    load(MarketDataSettings, source=source, **more).refuse_in_mode(platform)


@pytest.mark.parametrize(
    ("mode", "source"),
    [
        ("mock", "synthetic"), ("mock", "replay"), ("paper", "venue"), ("live", "venue"),
        ("mock", "none"), ("paper", "none"), ("live", "none"),
    ],
)  # fmt: skip
def test_each_mode_has_its_candles(tmp_path, mode, source):
    check(tmp_path, mode, source)


@pytest.mark.parametrize(
    ("mode", "source", "remedy"),
    [
        ("mock", "venue", "--mode paper"),
        ("paper", "synthetic", "MARKET_DATA__SOURCE=venue and MARKET__VENUE"),
        ("paper", "replay", "--mode mock"),
        ("live", "replay", "MARKET_DATA__SOURCE=venue and MARKET__VENUE"),
    ],
)
def test_other_candles_are_refused_with_the_remedy(tmp_path, mode, source, remedy):
    with pytest.raises(ConfigurationError, match=re.escape(remedy)):
        check(tmp_path, mode, source)


def test_a_venue_without_live_candles_is_refused_and_those_that_have_some_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match="coinbase, binance_us, kucoin"):
        check(tmp_path, "paper", "venue", venue="binance")


def test_a_simulator_may_stand_for_the_venue_in_paper_and_never_in_live(tmp_path):
    check(tmp_path, "paper", "venue", venue_url="http://127.0.0.1:9031")
    with pytest.raises(ConfigurationError, match="MARKET_DATA__VENUE_URL"):
        check(tmp_path, "live", "venue", venue_url="http://127.0.0.1:9031")


@pytest.mark.parametrize("url", ["127.0.0.1:9031", "ftp://x", "http://x/path", "http://x/", ""])
def test_an_address_is_scheme_and_host_and_nothing_else(url):
    with pytest.raises(ConfigurationError, match="MARKET_DATA__VENUE_URL"):
        load(MarketDataSettings, venue_url=url)


def test_every_setting_of_the_live_feed_is_documented():
    page = pages()["configuration.md"]
    for name in ("VENUE_URL", "VENUE_AUTHORITY", "BACKFILL_HOURS", "CLOSE_DELAY_SECONDS"):
        assert f"MARKET_DATA__{name}" in page
