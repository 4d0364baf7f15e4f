"""A served Binance.US: the real wire over the real engine on a spare port."""

import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from urllib.parse import urlencode

import httpx
import uvicorn

from shared.domain.clock import Clock
from shared.domain.ids import Symbol
from simulator.engine.clocks import ManualClock
from simulator.engine.exchange import Exchange
from simulator.engine.model import Listing
from simulator.market import Market
from simulator.market_path import WalkPath
from simulator.wire.binance_us import HOUSE, binance_us_wire
from simulator.wire.binance_us.parameters import milliseconds
from simulator.wire.port import Premises, RateLimits, SimulatedKey

BTC = Symbol("BTC-USDT")
ETH = Symbol("ETH-USDT")
KEY, READ_KEY, OTHER_KEY, STRANGER = "k" * 64, "r" * 64, "o" * 64, "x" * 64
SECRET = "s" * 64
PRICE = Decimal(50_000)


def listing(base: str) -> Listing:
    return Listing(
        symbol=Symbol(f"{base}-USDT"),
        base=base,
        quote="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(100),
        min_notional=Decimal(10),
    )


def market(base: str, price: int) -> Market:
    path = WalkPath(seed=1, name=base, price_ticks=price * 100, lots=1_000_000)
    return Market(seed=1, listing=listing(base), path=path)


def exchange_of(clock: Clock) -> Exchange:
    """An exchange with BTC at exactly 50,000 and plenty of everything in two accounts."""
    exchange = Exchange(HOUSE, {BTC: market("BTC", 50_000), ETH: market("ETH", 3_000)}, clock)
    for account in ("main", "other"):
        exchange.deposit(account, "USDT", Decimal(100_000))
        exchange.deposit(account, "BTC", Decimal(2))
    exchange.set_price(BTC, PRICE, Decimal(1))
    return exchange


def premises_of(exchange: Exchange, limits: RateLimits) -> Premises:
    keys = (
        SimulatedKey(key=KEY, secret=SECRET),
        SimulatedKey(key=READ_KEY, secret=SECRET, may_trade=False),
        SimulatedKey(key=OTHER_KEY, secret=SECRET, account="other"),
    )
    return Premises(exchange=exchange, keys={one.key: one for one in keys}, limits=limits)


def sign(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


@dataclass
class Served:
    port: int
    exchange: Exchange
    http: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def now(self) -> int:
        return milliseconds(self.exchange.now())

    def ask(self, path: str, **parameters: object) -> httpx.Response:
        return self.http.get(path, params=parameters)

    def signed(
        self,
        method: str,
        path: str,
        key: str = KEY,
        secret: str = SECRET,
        in_query: bool = False,
        **parameters: object,
    ) -> httpx.Response:
        """Send a signed request as the venue's SDK does: GET in the query, the rest in the body."""
        text = urlencode({"timestamp": self.now(), **parameters})
        text = f"{text}&signature={sign(text, secret)}"
        headers = {"X-MBX-APIKEY": key}
        if method == "GET" or in_query:
            return self.http.request(method, f"{path}?{text}", headers=headers)
        headers["content-type"] = "application/x-www-form-urlencoded"
        return self.http.request(method, path, content=text, headers=headers)

    def place(self, **changes: object) -> httpx.Response:
        """A limit order to buy 0.001 BTC far below the market, but for what is given (None: absent)."""
        order = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.001",
            "price": "45000",
            **changes,
        }
        sent = {name: value for name, value in order.items() if value is not None}
        return self.signed("POST", "/api/v3/order", **sent)


@contextmanager
def served(clock: Clock | None = None, limits: RateLimits | None = None) -> Iterator[Served]:
    exchange = exchange_of(clock or ManualClock())
    wire = binance_us_wire(premises_of(exchange, limits or RateLimits(is_enforced=False)))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            wire.application, log_level="critical", lifespan="off", ws="websockets-sansio"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                yield Served(port=port, exchange=exchange, http=http)
        finally:
            server.should_exit = True
            thread.join(10)
