"""What a venue, or something in front of it, says when things go wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from simulator.market_path import draw
from venues.port import VenueName


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def changed(self, body: bytes) -> "Answer":
        """Return the same answer around another body, with the length of that."""
        kept = tuple(one for one in self.headers if one[0].lower() != b"content-length")
        length = (b"content-length", str(len(body)).encode())
        return Answer(status=self.status, body=body, headers=(*kept, length))


_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html")
_LIMITED = {
    VenueName.COINBASE: b'{"error":"rate_limit_exceeded","message":"too many requests"}',
    VenueName.BINANCE_US: b'{"code":-1003,"msg":"Too many requests."}',
    VenueName.KUCOIN: b'{"code":"429000","msg":"Too Many Requests"}',
}
_DUPLICATE: Mapping[VenueName, tuple[int, bytes]] = {
    VenueName.COINBASE: (
        200,
        (
            b'{"success":false,"error_response":{"error":"DUPLICATE_CLIENT_ORDER_ID",'
            b'"message":"","error_details":"",'
            b'"preview_failure_reason":"UNKNOWN_PREVIEW_FAILURE_REASON",'
            b'"new_order_failure_reason":"DUPLICATE_CLIENT_ORDER_ID"}}'
        ),
    ),
    VenueName.BINANCE_US: (400, b'{"code":-2010,"msg":"Duplicate order sent."}'),
    VenueName.KUCOIN: (200, b'{"code":"102426","msg":"clientOid duplicated"}'),
}
_ORDER_ID = re.compile(rb'"(order_id|orderId|venue_order_id)"')


def error_page(status: int) -> Answer:
    """Return the page of a proxy that has given up on the venue."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    title = f"{status} {phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, body=b"", headers=(_HTML,)).changed(page.encode())


def limited(venue: VenueName, status: int, retry_after_seconds: float | None) -> Answer:
    headers = (_JSON,)
    if retry_after_seconds is not None:
        headers = (_JSON, (b"retry-after", f"{retry_after_seconds:.0f}".encode()))
    return Answer(status=status, body=b"", headers=headers).changed(_LIMITED[venue])


def duplicate(venue: VenueName) -> Answer:
    status, body = _DUPLICATE[venue]
    return Answer(status=status, body=b"", headers=(_JSON,)).changed(body)


def garbage(seed: int, number: int) -> Answer:
    """Return bytes that are neither text nor JSON."""
    noise = b"".join(draw(seed, "garbage", number, part).to_bytes(8, "big") for part in range(8))
    return Answer(status=200, body=b"", headers=(_JSON,)).changed(b"\xff\xfe" + noise)


def truncated(answer: Answer) -> Answer:
    return answer.changed(answer.body[: len(answer.body) // 2])


def renamed(answer: Answer, field: str, name: str) -> Answer:
    """Return the answer with a field of its JSON called otherwise; the order's id by default."""
    found = re.compile(rf'"{re.escape(field)}"'.encode()) if field else _ORDER_ID
    return answer.changed(found.sub(f'"{name}"'.encode(), answer.body))
