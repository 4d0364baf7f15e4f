"""Puts the executor together: around a venue in our own process, or around one behind a network."""

from executor.app.at_venue import build_at_venue
from executor.app.in_process import build_in_process
from executor.app.name import NAME, PORT
from executor.settings import ExecutorSettings, Place
from shared.runtime.service import Runtime, Service
from shared.runtime.settings import ConfigurationError, Mode
from venues.port import VenueName

__all__ = ["NAME", "PORT", "build"]


def build(settings: ExecutorSettings, runtime: Runtime) -> Service:
    """Return the executor the settings describe.

    Raises:
        ConfigurationError: mode and venue do not go together, or live trading is refused.
    """
    mode = runtime.settings.mode
    if settings.venue is not Place.SIMULATED:
        return build_at_venue(VenueName(settings.venue), settings, runtime)
    if mode is Mode.LIVE:
        raise ConfigurationError(
            "EXECUTOR__VENUE: live mode sends orders to a venue: coinbase, binance_us or kucoin; "
            "for invented fills use paper mode"
        )
    return build_in_process(settings, runtime)
