"""Who may act on an account: a lease on the database's clock, fenced by a token."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LASTS = timedelta(seconds=9)
RENEWED_EVERY_SECONDS = 3.0
TRUSTED_SECONDS = 6.0  # by the holder's own monotonic clock, well inside LASTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """`token` counts up with every taking over: whoever has an older one is out."""

    name: str
    holder: str
    token: int
    expires_at: datetime

    def is_held_by(self, holder: str, token: int, now: datetime) -> bool:
        return (self.holder, self.token) == (holder, token) and now < self.expires_at


def next_lease(lease: Lease, holder: str, now: datetime, lasts: timedelta = LASTS) -> Lease | None:
    """Return the lease renewed or taken over by `holder`; None while another one has it."""
    if lease.holder == holder and now < lease.expires_at:
        return replace(lease, expires_at=now + lasts)
    if now < lease.expires_at:
        return None
    return Lease(name=lease.name, holder=holder, token=lease.token + 1, expires_at=now + lasts)
