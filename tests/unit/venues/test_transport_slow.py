"""A venue that answers one byte at a time cannot hold a lane for longer than our time limit."""

import socket
import time
from contextlib import contextmanager
from threading import Thread

import pytest
import requests

from venues.transport import HardSession


@contextmanager
def dripping(head, body, pause):
    """Serve one answer, byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve():
            connection, _ = door.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(head)
                try:
                    for byte in body:
                        connection.sendall(bytes((byte,)))
                        time.sleep(pause)
                except OSError:
                    return

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        thread.join(10)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["of a known length", "until the end"],
)
def test_an_answer_that_drips_is_given_up(monkeypatch, head):
    monkeypatch.setattr("venues.transport.READ_SECONDS", 0.2)
    started = time.monotonic()
    with dripping(head, b"x" * 600, 0.02) as url, HardSession() as session:
        with pytest.raises(requests.ConnectionError):
            session.get(url)
        assert session.departure.has_left
        assert time.monotonic() - started < 1.5  # all of it would have taken 12 s


def test_the_head_of_an_answer_may_not_drip_either(monkeypatch):
    monkeypatch.setattr("venues.transport.READ_SECONDS", 0.2)
    head = b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 600 + b"\r\nContent-Length: 0\r\n\r\n"
    started = time.monotonic()
    with dripping(b"", head, 0.02) as url, HardSession() as session:
        with pytest.raises(requests.ReadTimeout):
            session.get(url)
        assert session.departure.has_left
        assert time.monotonic() - started < 1.5  # all of it would have taken 12 s


def test_an_answer_that_ends_too_early_is_none():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"
    with (
        dripping(head, b"x" * 10, 0.0) as url,
        HardSession() as session,
        pytest.raises(requests.ConnectionError),
    ):
        session.get(url)


def test_a_slow_answer_within_the_limit_is_whole():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"
    with dripping(head, b"y" * 30, 0.01) as url, HardSession() as session:
        session.get(url)
        assert session.last.body == b"y" * 30
