"""A served Coinbase: the real wire over the real engine on a spare port, its tokens made by hand."""

import datetime as dt
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import jwt
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from shared.domain.clock import Clock
from shared.domain.ids import Symbol
from simulator.engine.clocks import ManualClock
from simulator.engine.exchange import Exchange
from simulator.engine.model import Listing
from simulator.market import Market
from simulator.market_path import WalkPath
from simulator.wire.coinbase import HOUSE, coinbase_wire
from simulator.wire.port import Premises, RateLimits, SimulatedKey

BTC, ETH = Symbol("BTC-USD"), Symbol("ETH-USD")
PRICE = Decimal(50_000)
V3 = "/api/v3/brokerage"
_NONCES = count(1)


def listing(base: str) -> Listing:
    return Listing(
        symbol=Symbol(f"{base}-USD"),
        base=base,
        quote="USD",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(3400),
        min_notional=Decimal(1),
    )


def _secret(number: int) -> str:
    key = ec.derive_private_key(number, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return pem.decode()


def _edwards() -> str:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"e" * 32)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


TRADER = SimulatedKey(key="organizations/one/apiKeys/trader", secret=_secret(11))
READER = SimulatedKey(key="organizations/one/apiKeys/reader", secret=_secret(12), may_trade=False)
EDWARDS = SimulatedKey(key="organizations/one/apiKeys/edwards", secret=_edwards())
KEYS = {one.key: one for one in (TRADER, READER, EDWARDS)}


def token(
    key: SimulatedKey,
    uri: str | None,
    now: datetime,
    *,
    secret: str = "",
    nonce: str = "",
    **changed: Any,
) -> str:
    private = load_pem_private_key((secret or key.secret).encode(), password=None)
    seconds = int(now.timestamp())
    claims = {"sub": key.key, "iss": "cdp", "nbf": seconds, "exp": seconds + 120, "uri": uri}
    claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    algorithm = "EdDSA" if isinstance(private, ed25519.Ed25519PrivateKey) else "ES256"
    headers = {"kid": key.key, "nonce": nonce or f"nonce-{next(_NONCES)}"}
    return jwt.encode(claims, private, algorithm=algorithm, headers=headers)


@dataclass(frozen=True, kw_only=True)
class Served:
    exchange: Exchange
    port: int
    clock: Clock
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def get(self, path: str, key: SimulatedKey = TRADER, **query: Any) -> httpx.Response:
        return self.ask("GET", f"{V3}{path}", key, params=query)

    def post(self, path: str, body: Any, key: SimulatedKey = TRADER) -> httpx.Response:
        return self.ask("POST", f"{V3}{path}", key, json=body)

    def ask(self, method: str, path: str, key: SimulatedKey, **more: Any) -> httpx.Response:
        signed = token(key, f"{method} {self.host}{path}", self.exchange.now())
        headers = {"Authorization": f"Bearer {signed}"}
        return self.client.request(method, f"http://{self.host}{path}", headers=headers, **more)

    def raw(self, path: str, authorization: str | None = None) -> httpx.Response:
        headers = {} if authorization is None else {"Authorization": authorization}
        return self.client.get(f"http://{self.host}{path}", headers=headers)

    def order(self, client_order_id: str, configuration: Any, **changed: Any) -> Any:
        body = {
            "client_order_id": client_order_id,
            "product_id": BTC,
            "side": "BUY",
            "order_configuration": configuration,
            **changed,
        }
        response = self.post("/orders", body)
        assert response.status_code == 200, response.text
        return response.json()


def limit(price: str = "49000", size: str = "0.01", **more: Any) -> Any:
    return {"limit_limit_gtc": {"base_size": size, "limit_price": price, **more}}


def market(seed: int, base: str) -> Market:
    return Market(
        seed=seed,
        listing=listing(base),
        path=WalkPath(seed=seed, name=base, price_ticks=5_000_000, lots=1_000_000),
    )


@contextmanager
def served(
    clock: Clock | None = None, limits: RateLimits | None = None, tls: Path | None = None
) -> Iterator[Served]:
    """`tls`: the folder of `certify`; otherwise plain HTTP."""
    own_clock = clock or ManualClock()
    exchange = Exchange(HOUSE, {BTC: market(1, "BTC"), ETH: market(2, "ETH")}, own_clock)
    for symbol in (BTC, ETH):
        exchange.set_price(symbol, PRICE, Decimal(1))
    exchange.deposit("main", "USD", Decimal(100_000))
    exchange.deposit("main", "BTC", Decimal(2))
    unlimited = RateLimits(is_enforced=False)
    wire = coinbase_wire(Premises(exchange=exchange, keys=KEYS, limits=limits or unlimited))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = uvicorn.Config(
        wire.application,
        host="127.0.0.1",
        port=port,
        log_level="critical",
        ws="websockets-sansio",
        lifespan="off",
        ssl_certfile=tls / "server.crt" if tls else None,
        ssl_keyfile=tls / "server.key" if tls else None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    assert server.started
    place = Served(exchange=exchange, port=port, clock=own_clock)
    try:
        yield place
    finally:
        place.client.close()
        server.should_exit = True
        thread.join(10)


def certify(folder: Path) -> Path:
    """Make an authority (`ca.crt`) and a certificate of it for 127.0.0.1 and localhost."""
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    begun = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
    own = (
        begun.subject_name(issuer)
        .public_key(authority.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False
        )
        .sign(authority, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    issued = (
        begun.subject_name(subject)
        .public_key(server.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
        .sign(authority, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(own.public_bytes(Encoding.PEM))
    (folder / "server.crt").write_bytes(issued.public_bytes(Encoding.PEM))
    private = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.key").write_bytes(private)
    return folder
