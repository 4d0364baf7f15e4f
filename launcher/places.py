"""Where the venues are that a command may talk to itself, beside the executor.

In live these are the venues, in any other mode the simulator that orders go to: a command that
thinks it plays must never reach real money, and one that means it must never reach a simulator.
"""

from collections.abc import Sequence

from executor.settings import ExecutorSettings, Place, venue_keys
from shared.domain.errors import BadInput
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import Mode
from venues.budget import LocalBudget
from venues.naming import is_real
from venues.opening import Credentials
from venues.port import VenueAddress, VenueName


def venue_named(text: str) -> VenueName:
    """Return the venue of a name.

    Raises:
        BadInput: there is none.
    """
    known = list(VenueName)
    if text not in known:
        raise BadInput("venue", f"'{text}' is no venue", f"choose from {', '.join(known)}")
    return VenueName(text)


def venues_in_use(mode: Mode, settings: ExecutorSettings) -> Sequence[VenueName]:
    """Return the venues at which orders of this configuration may rest."""
    if mode is Mode.LIVE:
        return [name for name in VenueName if _is_keyed(name)]
    return [] if settings.venue is Place.SIMULATED else [VenueName(settings.venue)]


def _is_keyed(name: VenueName) -> bool:
    try:
        keys = venue_keys(name)
    except ConfigurationError:
        return True  # something is configured, and whoever uses it is told what is wrong with it
    return bool(keys.key or keys.secret)


def credentials_for(name: VenueName, mode: Mode, settings: ExecutorSettings) -> Credentials:
    """Return what an adapter of the venue is made of, with a budget of this process alone.

    Raises:
        ConfigurationError: there is no whole key, or the venue is not where this mode trades.
    """
    address = _address(name, mode, settings)
    keys = venue_keys(name)
    prefix = name.upper()
    if not (keys.key and keys.secret):
        raise ConfigurationError(
            f"{prefix}_API_KEY: {name} needs a key and its secret ({prefix}_API_SECRET or "
            f"{prefix}_API_SECRET_FILE)"
        )
    return Credentials(keys=keys, address=address, budget=LocalBudget(venue=name))


def _address(name: VenueName, mode: Mode, settings: ExecutorSettings) -> VenueAddress:
    if mode is Mode.LIVE:
        if settings.venue_url is not None:
            raise ConfigurationError(
                "EXECUTOR__VENUE_URL: live trades at the venue itself; leave it unset"
            )
        return settings.address(name)
    if settings.venue_url is None or settings.venue.value != name.value:
        raise ConfigurationError(
            f"EXECUTOR__VENUE, EXECUTOR__VENUE_URL: in {mode} mode orders go to a simulator, and "
            f"none of {name} is configured; for the real {name} set TRADING_MODE=live"
        )
    address = settings.address(name)
    if is_real(address):
        raise ConfigurationError(
            f"EXECUTOR__VENUE_URL: {settings.venue_url} is a real venue; set TRADING_MODE=live"
        )
    return address
