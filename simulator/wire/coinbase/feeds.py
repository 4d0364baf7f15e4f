"""The public channels: what a new subscriber is told first, and what each second adds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.values import to_text
from simulator.engine.model import Listing
from simulator.engine.port import ExchangePort
from simulator.wire.coinbase.market_documents import candle_document
from simulator.wire.coinbase.stream_documents import Document, status_event, ticker, ticker_event
from simulator.wire.coinbase.times import stamp

# channel: seconds between two messages; nobody else's trades are simulated, so none are told
CHANNELS = {
    "ticker": 1,
    "ticker_batch": 5,
    "level2": 1,
    "candles": 5,
    "status": 5,
    "market_trades": 0,
}
TOLD_AS = {"level2": "l2_data"}

_BUCKET = Interval.M5
_FIRST_BUCKETS = 100
_Levels = dict[tuple[str, Decimal], Decimal]


@dataclass(slots=True, kw_only=True)
class Feeds:
    """Remembers of each book what its subscriber has been told."""

    exchange: ExchangePort
    _books: dict[Symbol, _Levels] = field(default_factory=dict[Symbol, _Levels])

    def first(self, channel: str, listings: Sequence[Listing]) -> list[Document]:
        for listing in listings:
            self._books.pop(listing.symbol, None)
        return self._events("snapshot", channel, listings)

    def next(self, channel: str, listings: Sequence[Listing], second: int) -> list[Document]:
        every = CHANNELS[channel]
        is_due = bool(every) and second % every == 0
        return self._events("update", channel, listings) if is_due else []

    def _events(self, kind: str, channel: str, listings: Sequence[Listing]) -> list[Document]:
        match channel:
            case "ticker" | "ticker_batch":
                return [self._tickers(kind, listings, has_book=channel == "ticker")]
            case "status":
                return [status_event(listings)]
            case "candles":
                return [self._candles(kind, listings)]
            case "level2":
                return [event for one in listings for event in self._book(kind, one.symbol)]
            case _:
                return []

    def _tickers(self, kind: str, listings: Sequence[Listing], *, has_book: bool) -> Document:
        depths = ((one, self.exchange.depth(one.symbol)) for one in listings)
        return ticker_event(kind, [ticker(one, depth, has_book=has_book) for one, depth in depths])

    def _candles(self, kind: str, listings: Sequence[Listing]) -> Document:
        now = self.exchange.now()
        buckets = _FIRST_BUCKETS if kind == "snapshot" else 1
        seconds = int(now.timestamp()) // _BUCKET.seconds * _BUCKET.seconds
        current = datetime.fromtimestamp(seconds, UTC)
        start, end = current - (buckets - 1) * _BUCKET.delta, now + timedelta(microseconds=1)
        told = [
            {**candle_document(candle), "product_id": one.symbol}
            for one in listings
            for candle in self.exchange.candles(one.symbol, _BUCKET, start, end)
        ]
        return {"type": kind, "candles": told}

    def _book(self, kind: str, symbol: Symbol) -> list[Document]:
        """Return one event with every level that changed; a level that has gone is told as zero."""
        depth = self.exchange.depth(symbol)
        now: _Levels = {("bid", price): quantity for price, quantity in depth.bids}
        now.update({("offer", price): quantity for price, quantity in depth.asks})
        before = self._books.get(symbol, {})
        gone = {level: Decimal(0) for level in before if level not in now}
        changed = {level: new for level, new in now.items() if before.get(level) != new}
        self._books[symbol] = now
        updates = [
            {
                "side": side,
                "event_time": stamp(depth.at),
                "price_level": to_text(price),
                "new_quantity": to_text(quantity),
            }
            for (side, price), quantity in (changed | gone).items()
        ]
        is_told = bool(updates) or kind == "snapshot"
        return [{"type": kind, "product_id": symbol, "updates": updates}] if is_told else []
