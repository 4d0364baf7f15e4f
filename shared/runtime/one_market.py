"""One database keeps the books of one market: whoever is told to trade another one does not start.

Positions, fills and signals know an instrument by its name alone; candles of another venue or of
another length, or from another time, would be taken for the same market.
"""

from sqlalchemy import select

from shared.bus.tables import event_log
from shared.domain.events import CandlesClosed
from shared.runtime.service import Runtime
from shared.runtime.settings import ConfigurationError, PlatformSettings


def refuse_another_market(runtime: Runtime) -> None:
    """Compare the newest candles heard with what is to be traded.

    Raises:
        ConfigurationError: they are of another venue or another length.
    """
    newest = (
        select(event_log.c.stream)
        .where(event_log.c.topic == CandlesClosed.topic)
        .order_by(event_log.c.seq.desc())
        .limit(1)
    )
    with runtime.transactions("start").read() as connection:
        stream = connection.execute(newest).scalar()
    if stream is None:
        return
    venue, interval, _ = stream.split(":")
    market = runtime.settings.market
    if (venue, interval) != (market.venue, market.interval):
        raise another_market(runtime.settings, f"{interval} candles of venue '{venue}'")


def another_market(settings: PlatformSettings, held: str) -> ConfigurationError:
    """Return the error of a database that already keeps the books of other candles."""
    market = settings.market
    name = market.venue if settings.state_dir.name != market.venue else f"{market.venue}-2"
    remedy = (
        f"use another state directory, for example TRADING_STATE_DIR=var/{name}"
        if settings.db_host is None
        else "use another database server (DB_HOST, DB_PORT)"
    )
    return ConfigurationError(
        f"MARKET__VENUE, MARKET__INTERVAL, MARKET_DATA__SOURCE: this database keeps the books of "
        f"{held}; {market.interval} candles of venue '{market.venue}' would be mixed into them; "
        f"{remedy}, or go back to the settings it was begun with"
    )
