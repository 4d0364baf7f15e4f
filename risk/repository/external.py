"""The open orders on the account that are not ours, as the executor last saw them."""

from sqlalchemy import Connection, select

from risk.tables import external_exposure
from shared.db.dialect import upsert
from shared.db.statements import Prepared, given
from shared.domain.events import ExternalOrdersSeen

_SEEN_AT = Prepared(
    select(external_exposure.c.seen_at).where(
        given(external_exposure.c.account), given(external_exposure.c.venue)
    )
)


def save_external(connection: Connection, seen: ExternalOrdersSeen) -> bool:
    """Replace what was seen before, under the account's lock; return False for what is older."""
    known = _SEEN_AT.value(connection, account=seen.account, venue=seen.venue)
    if known is not None and seen.seen_at <= known:
        return False
    row = {
        "account": seen.account,
        "venue": seen.venue,
        "seen_at": seen.seen_at,
        "orders": seen.orders,
    }
    upsert(connection, external_exposure, [row], key=("account", "venue"))
    return True
