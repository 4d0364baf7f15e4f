"""How trading has gone lately: losses in a row, and orders that failed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """`losses_in_row`: losing round trips since the last winning one; `lost_at`: the latest.

    `ended`, `failed`: orders of the failure window that have ended or are in doubt, and those of
    them that were refused, never sent, or whose outcome is unknown.
    """

    losses_in_row: int = 0
    lost_at: datetime | None = None
    ended: int = 0
    failed: int = 0


CLEAN = Conduct()
