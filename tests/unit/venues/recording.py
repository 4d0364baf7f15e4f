"""A tiny HTTP server that writes down what it is asked and answers as it was told."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    method: str
    target: str  # as it was sent, with its query
    headers: dict[str, str]  # by lower-case name
    body: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Says:
    """An answer; `breaks` cuts the connection instead, `waits` comes before either.

    `closes` ends the connection after the answer, without having said so.
    """

    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    waits: float = 0.0
    cut_to: int | None = None
    closes: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Recorder:
    """`answers` are given in their order, the last one again and again; or by a function."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    answers: list[Says] = field(default_factory=list)
    by: Callable[[Asked], Says] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> Says:
        self.asked.append(asked)
        if self.by is not None:
            return self.by(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder: Recorder

    def log_message(self, *args):
        return

    def _serve(self):
        length = int(self.headers.get("content-length") or 0)
        asked = Asked(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length).decode(),
        )
        says = self.recorder.answer(asked)
        time.sleep(says.waits)
        if says.breaks:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        try:
            self._say(says)
        except OSError:
            self.close_connection = True  # the client has given up

    def _say(self, says: Says):
        self.send_response(says.status)
        for name, value in says.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(says.content)))
        self.end_headers()
        self.wfile.write(says.content[: says.cut_to])
        self.close_connection = self.close_connection or says.closes or says.cut_to is not None

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that http.server looks for


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        return  # a connection cut on purpose


@contextmanager
def recording(*answers: Says, by: Callable[[Asked], Says] | None = None) -> Iterator[Recorder]:
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    recorder = Recorder(port=server.server_port, answers=list(answers), by=by)
    handler.recorder = recorder
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
