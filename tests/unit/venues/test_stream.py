"""Whatever happens to a private stream, the one who follows it hears of it and goes on."""

import socket
import threading
from dataclasses import dataclass

import pytest

from shared.domain.venue import Gap
from venues.stream import Opening, follow


@dataclass
class Silent:
    """A stream that never says anything by itself."""

    url: str
    silence_seconds: float = 60.0
    beat_seconds: float = 60.0

    def opening(self):
        return Opening(url=self.url)

    def hints(self, _message):
        return []

    def beat(self):
        return []


@pytest.fixture
def hanging_up():
    """A server that takes every connection, says `word`, and hangs up."""
    words = {"said": b""}
    listening = socket.create_server(("127.0.0.1", 0))

    def answer():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(words["said"])

    thread = threading.Thread(target=answer)
    thread.start()
    yield listening.getsockname()[1], words
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 101",
        b"nonsense\r\n\r\n",
        b"\x00" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_connection_that_ends_while_it_is_made_is_a_gap_and_made_again(hanging_up, said):
    port, words = hanging_up
    words["said"] = said
    stop, heard = threading.Event(), []

    def hear(hint):
        heard.append(hint)
        if len(heard) == 2:
            stop.set()

    follow(Silent(f"ws://127.0.0.1:{port}"), hear, stop)
    assert len(heard) == 2
    assert all(isinstance(hint, Gap) for hint in heard)
