"""A tiny venue of plain HTTP that keeps every request as it came and answers as told."""

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from venues.budget import LocalBudget
from venues.opening import Credentials
from venues.port import VenueAddress, VenueKeys, VenueName

KEYS = VenueKeys(key="key-1", secret="a secret", passphrase="a phrase")


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        return "kc-api-sign" in self.headers

    def has_right_signature(self) -> bool:
        """Sign again by the venue's recipe: time, method, path with query, body."""
        text = self.headers["kc-api-timestamp"] + self.method + self.target
        return (
            self.headers["kc-api-sign"] == _signed(text.encode() + self.body)
            and self.headers["kc-api-passphrase"] == _signed(KEYS.passphrase.encode())
            and self.headers["kc-api-key"] == KEYS.key
            and self.headers["kc-api-key-version"] == "2"
        )


def _signed(payload: bytes) -> str:
    return base64.b64encode(hmac.digest(KEYS.secret.encode(), payload, hashlib.sha256)).decode()


@dataclass
class Told:
    """What the venue answers: `None` as body hangs up without an answer."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes | None:
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


class Recorder:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Told] = []
        self.always: Told | None = None
        self.port = 0

    def tell(self, *bodies: Any) -> None:
        self.answers += [one if isinstance(one, Told) else Told(one) for one in bodies]

    @property
    def only(self) -> Request:
        assert len(self.requests) == 1, [one.target for one in self.requests]
        return self.requests[0]

    def credentials(self, budget: LocalBudget | None = None) -> Credentials:
        return Credentials(
            keys=KEYS,
            address=VenueAddress(rest=f"http://127.0.0.1:{self.port}", stream=""),
            budget=budget or LocalBudget(venue=VenueName.KUCOIN),
        )


@contextmanager
def recording() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorder.requests.append(Request(self.command, self.path, headers, body))
            told = recorder.answers.pop(0) if recorder.answers else recorder.always
            raw = told and told.raw
            self.close_connection = raw is None or "content-length" in told.headers
            if raw is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(told.status)
            for name, value in ({"content-length": str(len(raw))} | told.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
