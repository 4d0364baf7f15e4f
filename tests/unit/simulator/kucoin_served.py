"""A served KuCoin: the real wire over the real engine on a spare port, on the machine's clock."""

import base64
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlencode

import httpx
import uvicorn

from shared.domain.clock import SystemClock
from shared.domain.ids import Symbol
from simulator.engine.exchange import Exchange
from simulator.engine.model import Listing
from simulator.market import Market
from simulator.market_path import WalkPath
from simulator.wire.kucoin import HOUSE, kucoin_wire
from simulator.wire.port import Premises, RateLimits, SimulatedKey

BTC = Symbol("BTC-USDT")
ETH = Symbol("ETH-USDT")
KEY, READ_KEY, SECRET, PASSPHRASE = "key-that-trades", "key-that-reads", "a-secret", "a-passphrase"
PRICE = Decimal(50_000)
KEYS = {
    KEY: SimulatedKey(key=KEY, secret=SECRET, passphrase=PASSPHRASE),
    READ_KEY: SimulatedKey(
        key=READ_KEY,
        secret=SECRET,
        passphrase=PASSPHRASE,
        may_trade=False,
        may_withdraw=True,
        is_ip_restricted=False,
    ),
}
LIMIT_BUY = {
    "clientOid": "id-1",
    "symbol": "BTC-USDT",
    "side": "buy",
    "type": "limit",
    "price": "40000",
    "size": "0.01",
}


def market(base: str, price: int) -> Market:
    listing = Listing(
        symbol=Symbol(f"{base}-USDT"),
        base=base,
        quote="USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(1_000),
        min_notional=Decimal("0.1"),
    )
    path = WalkPath(seed=1, name=base, price_ticks=price * 10, lots=100_000)
    return Market(seed=1, listing=listing, path=path)


def sign(payload: str) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), payload.encode(), "sha256")).decode()


@dataclass
class Served:
    """Where it is, what stands behind it, and a client that signs by KuCoin's recipe."""

    port: int
    exchange: Exchange
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now_ms(self) -> int:
        return int(self.exchange.now().timestamp() * 1000)

    def headers(self, method, target, body="", *, key=KEY, stamp=None, version="2"):
        stamp = str(self.now_ms() if stamp is None else stamp)
        return {
            "KC-API-KEY": key,
            "KC-API-SIGN": sign(stamp + method + target + body),
            "KC-API-TIMESTAMP": stamp,
            "KC-API-PASSPHRASE": PASSPHRASE if version == "1" else sign(PASSPHRASE),
            "KC-API-KEY-VERSION": version,
            "Content-Type": "application/json",
        }

    def send(self, method, path, query=None, body=None, **how) -> httpx.Response:
        target = f"{path}?{urlencode(query)}" if query else path
        text = json.dumps(body) if body is not None else ""
        headers = self.headers(method, target, text, **how)
        return self.client.request(method, self.url + target, content=text, headers=headers)

    def get(self, path, **query):
        return self._data(self.send("GET", path, query))

    def post(self, path, body=None):
        return self._data(self.send("POST", path, body=body))

    def delete(self, path, **query):
        return self._data(self.send("DELETE", path, query))

    def place(self, **changes):
        body = LIMIT_BUY | changes
        return self.post("/api/v1/hf/orders", {k: v for k, v in body.items() if v is not None})

    def refusal(self, **changes) -> tuple[str, str]:
        body = {k: v for k, v in (LIMIT_BUY | changes).items() if v is not None}
        answer = self.send("POST", "/api/v1/hf/orders", body=body)
        assert answer.status_code == 200
        return answer.json()["code"], answer.json()["msg"]

    @staticmethod
    def _data(answer: httpx.Response):
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["code"] == "200000", answer.text
        return document["data"]


@contextmanager
def served_kucoin(limits: RateLimits | None = None) -> Iterator[Served]:
    markets = {BTC: market("BTC", 50_000), ETH: market("ETH", 3_000)}
    exchange = Exchange(HOUSE, markets, SystemClock())
    exchange.set_price(BTC, PRICE, Decimal(1))
    exchange.deposit("main", "USDT", Decimal(100_000))
    exchange.deposit("main", "BTC", Decimal(1))
    premises = Premises(exchange=exchange, keys=KEYS, limits=limits or RateLimits())
    wire = kucoin_wire(premises)
    config = uvicorn.Config(wire.application, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            served = Served(port=listener.getsockname()[1], exchange=exchange)
            with served.client:
                yield served
        finally:
            server.should_exit = True
            thread.join(10)
