"""One client of the stream: what it has subscribed to, and what is still to be told to it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.ids import Symbol
from simulator.engine.model import Listing, OrderChanged
from simulator.wire.coinbase.auth import Keyring
from simulator.wire.coinbase.errors import VenueError
from simulator.wire.coinbase.feeds import CHANNELS, TOLD_AS, Feeds
from simulator.wire.coinbase.stream_documents import (
    AUTHENTICATION_FAILURE,
    Document,
    envelope,
    heartbeat_event,
    user_event,
    user_order,
)
from simulator.wire.port import Premises

_BATCH = 50  # orders of a snapshot that travel in one message
_BEAT_SECONDS = 1.0
_KNOWN = frozenset({"user", "heartbeats", *CHANNELS})


@dataclass(slots=True, kw_only=True)
class Connection:
    """Lives on one event loop; only `_changed` is called from other threads.

    `subscriptions`: per channel its products; of the private channel also whose orders it tells.
    """

    premises: Premises
    keyring: Keyring
    subscriptions: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    account: str = ""
    _outbox: asyncio.Queue[tuple[str, Document]] = field(default_factory=asyncio.Queue)
    _number: int = 0
    _beats: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _stop: Callable[[], None] | None = None
    _feeds: Feeds = field(init=False)

    def __post_init__(self) -> None:
        self._feeds = Feeds(exchange=self.premises.exchange)

    async def next(self) -> str:
        """Return the next message; the sequence number counts what was told, not what was meant."""
        channel, event = await self._outbox.get()
        if not channel:
            return json.dumps(event, separators=(",", ":"))
        now = self.premises.exchange.now()
        message = envelope(TOLD_AS.get(channel, channel), [event], now, self._number)
        self._number += 1
        return json.dumps(message, separators=(",", ":"))

    def take(self, message: Any) -> None:
        """Act on what the client said; a channel that does not exist is told as a bad token."""
        asked: Mapping[str, Any] = message if isinstance(message, dict) else {}
        kind, channel = asked.get("type"), asked.get("channel")
        if kind not in ("subscribe", "unsubscribe") or channel not in _KNOWN:
            self._put("", dict(AUTHENTICATION_FAILURE))
            return
        products = asked.get("product_ids") or ()
        wanted = frozenset(one for one in products if isinstance(one, str))
        if kind == "unsubscribe":
            self._leave(channel, wanted)
            return
        try:
            account = self._account(channel, asked.get("jwt"))
        except VenueError:
            self._put("", dict(AUTHENTICATION_FAILURE))
            return
        self._join(channel, wanted, account)

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            self._beats += 1
            if "heartbeats" in self.subscriptions:
                event = heartbeat_event(self.premises.exchange.now(), self._beats)
                self._put("heartbeats", event)
            for channel in CHANNELS.keys() & self.subscriptions.keys():
                for event in self._feeds.next(channel, self._listings(channel), self._beats):
                    self._put(channel, event)

    def close(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _account(self, channel: str, token: object) -> str:
        """Return whose the token is; a public channel needs none, but none that is wrong."""
        if channel != "user" and not token:
            return ""
        text = token if isinstance(token, str) else ""
        now = self.premises.exchange.now().timestamp()
        return self.keyring.holder(text, (), now).account

    def _join(self, channel: str, wanted: frozenset[str], account: str) -> None:
        before = self.subscriptions.get(channel, frozenset())
        self.subscriptions[channel] = before | wanted
        if channel == "user":
            self.account = account
            self.close()
            self._stop = self.premises.exchange.subscribe(account, self._changed)
        self._tell_subscriptions()
        for event in self._snapshot(channel):
            self._put(channel, event)

    def _leave(self, channel: str, products: frozenset[str]) -> None:
        left = self.subscriptions.pop(channel, frozenset()) - products
        if products and left:
            self.subscriptions[channel] = left
        elif channel == "user":
            self.close()
        self._tell_subscriptions()

    def _tell_subscriptions(self) -> None:
        told = {channel: self._told(channel) for channel in sorted(self.subscriptions)}
        self._put("subscriptions", {"subscriptions": told})

    def _told(self, channel: str) -> Sequence[str]:
        if channel == "user":
            return [self.account]
        return sorted(self.subscriptions[channel]) or [channel]

    def _snapshot(self, channel: str) -> list[Document]:
        if channel == "user":
            return self._open_orders()
        return self._feeds.first(channel, self._listings(channel)) if channel in CHANNELS else []

    def _open_orders(self) -> list[Document]:
        """An empty snapshot is one, too."""
        exchange = self.premises.exchange
        documents = [
            user_order(one, exchange.house)
            for one in exchange.orders(self.account)
            if not one.state.is_over and self._is_wanted(one.asked.symbol)
        ]
        starts = range(0, max(len(documents), 1), _BATCH)
        return [user_event("snapshot", documents[start : start + _BATCH]) for start in starts]

    def _listings(self, channel: str) -> list[Listing]:
        listings, wanted = self.premises.exchange.listings, self.subscriptions[channel]
        return [listings[one] for one in sorted(listings) if not wanted or one in wanted]

    def _changed(self, change: OrderChanged) -> None:
        """Called by whatever thread moved the exchange: written down here, told by the loop."""
        if not self._is_wanted(change.order.asked.symbol):
            return
        document = user_order(change.order, self.premises.exchange.house)
        event = user_event("update", [document])
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, "user", event)

    def _is_wanted(self, symbol: Symbol) -> bool:
        wanted = self.subscriptions.get("user", frozenset())
        return not wanted or symbol in wanted

    def _put(self, channel: str, event: Document) -> None:
        self._outbox.put_nowait((channel, event))
