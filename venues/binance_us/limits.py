"""What the venue lets us ask: its limits (rest-api.md, "LIMITS") and what its headers say of them.

Weights are per address and minute, orders per account.
"""

from venues.budget import Budget, Pool
from venues.transport import Reply

WEIGHT = Pool(name="weight", units=1200, seconds=60.0)
ORDERS = Pool(name="orders", units=100, seconds=10.0)
ORDERS_OF_DAY = Pool(name="orders_of_day", units=200_000, seconds=86_400.0)

_TOLD = {
    "x-mbx-used-weight-1m": WEIGHT,
    "x-mbx-order-count-10s": ORDERS,
    "x-mbx-order-count-1d": ORDERS_OF_DAY,
}
TOO_MANY, BANNED = 429, 418
_UNTOLD_WAIT = {TOO_MANY: 60.0, BANNED: 120.0}  # a ban lasts two minutes at least
_LONGEST_BAN = 3 * 86_400.0


def wait_seconds(reply: Reply) -> float:
    """Return how long to send nothing after a 429 or 418."""
    told = reply.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdecimal() and len(told) <= 9:
        return min(float(told), _LONGEST_BAN)
    return _UNTOLD_WAIT.get(reply.status, _UNTOLD_WAIT[TOO_MANY])


def heed(budget: Budget, reply: Reply) -> None:
    """Take over what a reply says of the limits."""
    for header, pool in _TOLD.items():
        used = reply.headers.get(header, "")
        if used.isascii() and used.isdecimal() and len(used) <= 9:
            budget.learn(pool, int(used))
    if reply.status in (TOO_MANY, BANNED):
        budget.hold(wait_seconds(reply), is_ban=reply.status == BANNED)
