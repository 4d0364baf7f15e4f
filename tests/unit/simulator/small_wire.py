"""The smallest wire there can be, for what is true of every wire."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.enums import OrderType, Side, TimeInForce
from simulator.engine.exchange import Exchange
from simulator.engine.model import DuplicateIds, House, NewOrder, OrderChanged, Refusal
from simulator.server import Hosting
from simulator.wire.port import Operation, Premises, Wire

HOUSE = House(
    name="small",
    duplicate_ids=DuplicateIds.UNIQUE_AMONG_OPEN,
    is_fee_in_received=True,
    maker_ratio=Decimal("0.001"),
    taker_ratio=Decimal("0.002"),
    order_types=frozenset(OrderType),
    time_in_forces=frozenset(TimeInForce),
)
OPERATIONS = {
    ("POST", "/order"): Operation.CREATE,
    ("GET", "/orders"): Operation.QUERY,
    ("GET", "/time"): Operation.TIME,
}


def operation_of(method: str, path: str) -> Operation:
    return OPERATIONS.get((method, path), Operation.OTHER)


@dataclass
class SmallWire:
    exchange: Exchange

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await self.stream(receive, send)
            return
        body = (await receive()).get("body", b"")
        status, document = self.answer(operation_of(scope["method"], scope["path"]), body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    def answer(self, operation: Operation, body: bytes):
        match operation:
            case Operation.CREATE:
                try:
                    return self.create(json.loads(body))
                except Refusal as refusal:
                    return 400, {"error": refusal.rejection}
            case Operation.QUERY:
                return 200, [one.asked.client_order_id for one in self.exchange.orders("main")]
            case Operation.TIME:
                return 200, {"now": self.exchange.now().isoformat()}
            case _:
                return 404, {}

    def create(self, asked):
        window = timedelta(seconds=asked.get("window", 5))
        signed_at = asked.get("signed_at")
        if signed_at and self.exchange.now() > datetime.fromisoformat(signed_at) + window:
            return 400, {"error": "too late"}
        price = asked.get("price")
        order = self.exchange.submit(
            NewOrder(
                account="main",
                client_order_id=asked["client_order_id"],
                symbol=asked.get("symbol", "BTC-USD"),
                side=Side(asked.get("side", "buy")),
                order_type=OrderType.LIMIT if price else OrderType.MARKET,
                time_in_force=TimeInForce(asked.get("tif", "ioc")),
                quantity=Decimal(asked.get("quantity", "0.01")),
                limit_price=Decimal(price) if price else None,
            )
        )
        return 200, {"order_id": order.venue_order_id, "state": order.state}

    async def stream(self, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        loop, events = asyncio.get_running_loop(), asyncio.Queue()

        def hear(changed: OrderChanged):
            loop.call_soon_threadsafe(events.put_nowait, changed)

        leave = self.exchange.subscribe("main", hear)
        try:
            await send({"type": "websocket.send", "text": "welcome"})
            while True:
                changed = await events.get()
                client_order_id = changed.order.asked.client_order_id
                told = {"client_order_id": client_order_id, "change": changed.change}
                await send({"type": "websocket.send", "text": json.dumps(told)})
        finally:
            leave()


def small_wire(premises: Premises) -> Wire:
    return Wire(application=SmallWire(premises.exchange), operation=operation_of)


def small_hosting(**changes) -> Hosting:
    return Hosting(house=HOUSE, make_wire=small_wire, **changes)
