"""A venue of the model: its rules for ids and dates, what it accepted, and how late it shows it."""

from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.enums import Liquidity, OrderStatus, TimeInForce
from shared.domain.ids import TradeId, VenueOrderId
from shared.domain.venue import (
    Accepted,
    Ambiguous,
    Answer,
    OrderReport,
    OrderRequest,
    Refused,
    VenueFill,
)
from tests.model.listed import LIVE, Listed, Seen
from tests.model.world import World, instant

ENDPOINTS = FIND, RECENT, OPEN, FILLS = "find", "recent", "open", "fills"
KINDS = ("coinbase", "binance_us", "kucoin")
FINALITY = {
    "coinbase": timedelta(seconds=60),
    "binance_us": timedelta(seconds=30),
    "kucoin": timedelta(seconds=30),
}
LONGEST_LAG = 20.0  # seconds; with window and engine together it stays within every finality
_LONGEST_MATCHING = 4.0
_EARLY = timedelta(seconds=1)
_PRICE = Decimal(100)


class Exchange:
    """`checks_window` False: it takes a request however old it is. `on_accept` hears of orders."""

    def __init__(self, world: World, kind: str) -> None:
        self.world = world
        self.kind = kind
        self.offset = world.chance.uniform(-0.3, 0.3)
        self.checks_window = True
        self.overfills = False
        self.is_slow_to_show = world.chance.random() < 0.35
        # slower than every assumption: an order may be called absent, and must come back
        self.is_beyond = world.chance.random() < 0.04
        self.orders: list[Listed] = []
        self.received: dict[str, int] = {}
        self.silent = self.blind = (0.0, 0.0)
        if world.chance.random() < 0.25:
            self._spells()
        self.on_accept = lambda _listed: None

    def now(self) -> datetime:
        return instant(self.world.now + self.offset)

    def receive(self, request: OrderRequest, reply: list[Answer]) -> None:
        """Take one request that has arrived, and put the answer to it into `reply`."""
        identity = request.client_order_id
        self.received[identity] = self.received.get(identity, 0) + 1
        age = self.now() - request.signed_at
        self.world.note("arrived", identity[-6:], round(age.total_seconds(), 3))
        if self.checks_window and not -_EARLY <= age <= request.window:
            reply.append(Refused(reason="timestamp outside of the window", code="-1021"))
        elif self.world.chance.random() < 0.04:
            reply.append(Refused(reason="insufficient balance", code="-2010"))
        elif self.world.happens(0.06):
            delay = self.world.chance.uniform(0.5, _LONGEST_MATCHING)
            self.world.call(self.world.now + delay, self._match, request, [])
            reply.append(Ambiguous(reason="timeout waiting for the engine (-1007)"))
        else:
            self._match(request, reply)

    def _match(self, request: OrderRequest, reply: list[Answer]) -> None:
        same = [
            one for one in self.orders if one.request.client_order_id == request.client_order_id
        ]
        if same and (self.kind != "binance_us" or any(one.is_live for one in same)):
            reply.append(Ambiguous(reason="an order with this id exists"))
            return
        chance, now = self.world.chance, self.world.now
        listed = Listed(
            request=request,
            venue_id=VenueOrderId(f"v{len(self.orders) + 1}"),
            history=[Seen(now, OrderStatus.OPEN, Decimal(0))],
            lags=self._lags(),
        )
        self.orders.append(listed)
        self.world.note("accepted", request.client_order_id[-6:], listed.venue_id)
        self.on_accept(listed)
        self._trade(listed)
        report = None
        if chance.random() < 0.5:
            report = self._report(listed, listed.last)
        reply.append(Accepted(venue_order_id=listed.venue_id, report=report))

    def _lags(self) -> dict[str, float]:
        chance = self.world.chance
        if self.world.is_healing or not self.is_slow_to_show or chance.random() < 0.4:
            return dict.fromkeys(ENDPOINTS, 0.1)
        lags = {one: chance.uniform(0.1, LONGEST_LAG) for one in ENDPOINTS}
        if self.is_beyond:
            return dict.fromkeys(ENDPOINTS, chance.uniform(40, 110))
        if chance.random() < 0.15:  # one copy of the venue's books is far behind
            lags[chance.choice((FIND, RECENT))] = chance.uniform(40, 110)
        return lags

    def _spells(self) -> None:
        """Let no question be answered for a while, and then by copies that have fallen behind.

        That lasts shorter than the misses that make an order absent are apart.
        """
        chance = self.world.chance
        begins = chance.uniform(2, 40)
        answers_again = begins + chance.uniform(30, 80)
        self.silent = (begins, answers_again)
        self.blind = (answers_again, answers_again + chance.uniform(1, 3.4))

    def is_silent(self) -> bool:
        return self.silent[0] <= self.world.now < self.silent[1]

    def _trade(self, listed: Listed) -> None:
        chance, request = self.world.chance, listed.request
        is_resting = request.time_in_force is TimeInForce.GTC and request.limit_price is not None
        parts = self._parts(request.quantity, is_resting)
        if not is_resting:
            for part in parts:
                self._fill(listed, part)
            if listed.is_live:
                ended = chance.choice((OrderStatus.EXPIRED, OrderStatus.CANCELED))
                self._now_stands(listed, ended)
            return
        at = self.world.now
        for part in parts:
            at += chance.expovariate(0.12)
            self.world.call(at, self._fill, listed, part)

    def _parts(self, quantity: Decimal, is_resting: bool) -> list[Decimal]:
        """Return what trades: everything in one to four parts (some alike), or less, or nothing."""
        count = self.world.chance.choice((0, 1, 1, 2, 2, 4, 4))
        parts = [quantity / 4] * count if count == 4 else [quantity / 2] * count
        if self.overfills and count and not is_resting:
            return [quantity / 2, quantity]
        if self.world.chance.random() < 0.3:
            return parts[:-1]
        return parts

    def _fill(self, listed: Listed, quantity: Decimal) -> None:
        if not listed.is_live:
            return
        request = listed.request
        filled = listed.last.filled + quantity
        trade = VenueFill(
            trade_id=TradeId(
                str(
                    sum(
                        len(one.trades)
                        for one in self.orders
                        if one.request.symbol == request.symbol
                    )
                    + 1
                )
            ),
            venue_order_id=listed.venue_id,
            client_order_id=None,
            symbol=request.symbol,
            side=request.side,
            quantity=quantity,
            price=_PRICE,
            fee=Decimal("0.1"),
            fee_asset="USDT",
            liquidity=Liquidity.TAKER,
            filled_at=instant(self.world.now + self.offset),
        )
        listed.trades.append((self.world.now, trade))
        self.world.note("traded", listed.venue_id, trade.trade_id, str(quantity))
        is_done = filled >= request.quantity
        status = OrderStatus.FILLED if is_done else OrderStatus.PARTIAL
        listed.history.append(Seen(self.world.now, status, filled))

    def _now_stands(self, listed: Listed, status: OrderStatus) -> None:
        listed.history.append(Seen(self.world.now, status, listed.last.filled))
        self.world.note("ended", listed.venue_id, status)

    def cancel(self, identity: str) -> None:
        for listed in self.orders:
            if listed.request.client_order_id == identity and listed.is_live:
                self._now_stands(listed, OrderStatus.CANCELED)

    def shown(self, endpoint: str) -> list[OrderReport]:
        """Return the orders as this endpoint shows them now."""
        found = []
        for listed in self.orders:
            seen = self._visible(listed, endpoint)
            if seen is not None and (endpoint != OPEN or seen.status in LIVE):
                found.append(self._report(listed, seen))
        return found

    def found(self, identity: str, endpoint: str) -> OrderReport | None:
        for listed in self.orders:
            if listed.request.client_order_id == identity:
                seen = self._visible(listed, endpoint)
                return None if seen is None else self._report(listed, seen)
        return None

    def fills(self, symbol: str, venue_id: str | None = None) -> list[VenueFill]:
        return [
            trade
            for listed in self.orders
            if listed.request.symbol == symbol and venue_id in (None, listed.venue_id)
            for at, trade in listed.trades
            if at <= self.world.now - listed.lags[FILLS]
        ]

    def moved(self) -> Decimal:
        """Return how much more base the account holds than it began with."""
        trades = (trade for listed in self.orders for _, trade in listed.trades)
        return sum((one.side.sign * one.quantity for one in trades), Decimal(0))

    def _visible(self, listed: Listed, endpoint: str) -> Seen | None:
        now = self.world.now
        if self.blind[0] <= now < self.blind[1] and endpoint in (FIND, RECENT):
            return None
        return listed.at(now - listed.lags[endpoint])

    def _report(self, listed: Listed, seen: Seen) -> OrderReport:
        request = listed.request
        return OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id=listed.venue_id,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            status=seen.status,
            quantity=request.quantity,
            limit_price=request.limit_price,
            filled_quantity=seen.filled,
            at=instant(seen.at + self.offset),
        )

    def place(self, request: OrderRequest) -> Listed:
        """List an order that nobody asked for through us."""
        listed = Listed(
            request=request,
            venue_id=VenueOrderId(f"v{len(self.orders) + 1}"),
            history=[Seen(self.world.now, OrderStatus.OPEN, Decimal(0))],
            lags=dict.fromkeys(ENDPOINTS, 0.1),
        )
        self.orders.append(listed)
        return listed
