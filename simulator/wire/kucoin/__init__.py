"""KuCoin's protocol: a classic account, the high-frequency endpoints, the private stream."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from simulator.wire.kucoin.app import Counter
from simulator.wire.kucoin.desk import Desk
from simulator.wire.kucoin.house import HOUSE
from simulator.wire.kucoin.stream import serve
from simulator.wire.kucoin.table import operation
from simulator.wire.port import Premises, Wire

__all__ = ["HOUSE", "kucoin_wire"]

_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def kucoin_wire(premises: Premises) -> Wire:
    """Return KuCoin's protocol over an exchange; the stream is at `/`, its token from a request."""
    desk = Desk(premises=premises)
    counter = Counter(desk)

    async def answer(request: Request) -> Response:
        return await counter(request)

    async def stream(socket: WebSocket) -> None:
        await serve(socket, desk)

    routes = [WebSocketRoute("/", stream), Route("/{path:path}", answer, methods=_METHODS)]
    return Wire(application=Starlette(routes=routes), operation=operation)
