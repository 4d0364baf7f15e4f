"""What the gate of live trading would say to the configuration a command is run with."""

from collections.abc import Sequence
from dataclasses import dataclass

from executor.app.evidence import Candidate, gather
from executor.core.gate import fingerprint_of, objections
from executor.settings import ExecutorSettings, Place, venue_keys
from shared.db.base import SCHEMA_REVISION
from shared.runtime.service import Runtime
from shared.runtime.settings import Mode, PlatformSettings
from venues.budget import LocalBudget
from venues.opening import Credentials, adapter_of
from venues.port import VenueKeys, VenueName


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """What a consent is about: an account of ours, at a venue, with a key."""

    platform: PlatformSettings
    settings: ExecutorSettings
    venue: VenueName
    keys: VenueKeys

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.platform.account, self.venue, self.keys.key)


def placed_account(platform: PlatformSettings, settings: ExecutorSettings) -> LiveAccount | None:
    """Return the account that orders are configured for; None where no venue is named."""
    if settings.venue is Place.SIMULATED:
        return None
    venue = VenueName(settings.venue)
    return LiveAccount(platform=platform, settings=settings, venue=venue, keys=venue_keys(venue))


def reasons_against(
    account: LiveAccount | None, platform: PlatformSettings, runtime: Runtime
) -> Sequence[str]:
    """Return what speaks against a live start, as the executor itself would find it from here."""
    if platform.mode is not Mode.LIVE:
        return [f"TRADING_MODE: it is {platform.mode}, not live"]
    if account is None:
        return [f"EXECUTOR__VENUE: live needs one of {', '.join(VenueName)}"]

    credentials = Credentials(
        keys=account.keys,
        address=account.settings.address(account.venue),
        budget=LocalBudget(venue=account.venue),
    )
    candidate = Candidate(
        settings=account.settings,
        runtime=runtime,
        venue=adapter_of(account.venue, credentials),
        keys=account.keys,
        schema_wanted=SCHEMA_REVISION,
    )
    return list(objections(gather(candidate)))
