"""A small HTTP server that records what arrives and answers by script, for one test."""

import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> list[tuple[str, str]]:
        return sorted(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Script:
    """What to answer, in turn; the last answer is repeated. A str is what to do instead."""

    replies: list[tuple[int, Any, dict[str, str]] | str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def answers(self, *documents: Any, status: int = 200, **headers: str) -> None:
        self.replies.extend((status, document, headers) for document in documents)

    def next(self) -> tuple[int, Any, dict[str, str]] | str:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class RecordingServer:
    def __init__(self) -> None:
        self.script = Script()
        script = self.script

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                script.received.append(Received(self.command, self.path, headers, body))
                reply = script.next()
                if reply == "reset":
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    self.connection.close()
                    return
                if reply == "silence":
                    released.wait(20)
                    self.close_connection = True
                    return
                self._write(*reply)

            def _write(self, status: int, document: Any, extra: dict[str, str]) -> None:
                sent = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(sent)), **extra}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815 - named by http.server

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                return

        released = self._released = threading.Event()
        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
