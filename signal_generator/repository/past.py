"""What the feature engines missed: read again from what was carried and from the log of facts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from models.features import LOOKBACK
from shared.bus.history import last_events
from shared.domain.candle import Candle
from shared.domain.events import CandlesClosed
from shared.domain.ids import Symbol
from signal_generator.core.window import Past, Windows
from signal_generator.repository.followup import Moment
from signal_generator.repository.predictions import last_carried

_JUST_AFTER = timedelta(microseconds=1)


def by_symbol(fact: CandlesClosed) -> Mapping[Symbol, Candle]:
    return {candle.symbol: candle for candle in (*fact.references, *fact.candles)}


def catch_up(windows: Windows, behind: Sequence[Candle], moment: Moment) -> None:
    """Bring the windows of some instruments to just before the fact that is being handled."""
    fact, connection = moment.fact, moment.uow.connection
    symbols = [candle.symbol for candle in behind]
    carried = last_carried(connection, fact.interval, symbols, fact.closed_at)
    said = last_events(
        connection,
        topic=CandlesClosed.topic,
        stream=fact.stream,
        before=moment.envelope.occurred_at + _JUST_AFTER,
        limit=LOOKBACK,
    )
    earlier = [one.event for one in said if isinstance(one.event, CandlesClosed)]
    markets = [by_symbol(one) for one in earlier if one.closed_at < fact.closed_at]
    for symbol in symbols:
        reference = windows.reference(symbol)
        past = [
            Past(candle=market[symbol], reference=market.get(reference))
            for market in markets
            if symbol in market
        ]
        windows.restore(symbol, carried.get(symbol), past)
