"""The venue as one application: every request is counted, verified, read, and then answered."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from simulator.engine.model import Refusal
from simulator.wire.binance_us.auth import authenticate
from simulator.wire.binance_us.endpoints import ENDPOINTS, Endpoint, operation_of
from simulator.wire.binance_us.errors import NOT_FOUND_PAGE, VenueError, in_venue_words
from simulator.wire.binance_us.limits import Gate
from simulator.wire.binance_us.office import Call, Office
from simulator.wire.binance_us.parameters import milliseconds, read_parameters
from simulator.wire.binance_us.stream import serve_stream
from simulator.wire.binance_us.subscriptions import Subscriptions
from simulator.wire.port import Premises, Wire

_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


def binance_us_wire(premises: Premises) -> Wire:
    office = Office(premises=premises, gate=Gate(limits=premises.limits))

    async def over_http(request: Request) -> Response:
        return await _respond(office, request)

    async def one_stream(socket: WebSocket) -> None:
        names = _streams(str(socket.path_params.get("name", "")))
        await serve_stream(office, socket, Subscriptions(names=names))

    async def combined_stream(socket: WebSocket) -> None:
        names = _streams(socket.query_params.get("streams", ""))
        await serve_stream(office, socket, Subscriptions(names=names, is_combined=True))

    application = Starlette(
        routes=[
            WebSocketRoute("/ws", one_stream),
            WebSocketRoute("/ws/{name:path}", one_stream),
            WebSocketRoute("/stream", combined_stream),
            Route("/{path:path}", over_http, methods=_METHODS),
        ]
    )
    return Wire(application=application, operation=operation_of)


def _streams(text: str) -> list[str]:
    return [name for name in text.split("/") if name]


def _json(document: Any, status: int, headers: dict[str, str]) -> Response:
    return Response(
        json.dumps(document, separators=(",", ":")),
        status_code=status,
        headers={**headers, "content-type": "application/json;charset=UTF-8"},
    )


async def _respond(office: Office, request: Request) -> Response:
    endpoint = ENDPOINTS.get((request.method, request.url.path))
    if endpoint is None:
        return _not_found(office, request.url.path)
    headers: dict[str, str] = {}
    try:
        document = await _answer(office, endpoint, request, headers)
    except VenueError as error:
        if error.retry_after is not None:
            headers["retry-after"] = str(error.retry_after)
        return _json(error.document, error.status, headers)
    return _json(document, 200, headers)


def _not_found(office: Office, path: str) -> Response:
    """The gateway of `/sapi` speaks JSON, the one of `/api` a page."""
    if not path.startswith("/sapi/"):
        return Response(NOT_FOUND_PAGE, status_code=404, media_type="text/html")
    document = {
        "timestamp": milliseconds(office.exchange.now()),
        "status": 404,
        "error": "Not Found",
        "message": "No message available",
        "path": path,
    }
    return _json(document, 404, {})


async def _answer(
    office: Office, endpoint: Endpoint, request: Request, headers: dict[str, str]
) -> Any:
    query = request.scope["query_string"].decode("latin-1")
    body = "" if request.method == "GET" else (await request.body()).decode("latin-1")
    now = office.exchange.now()
    parameters = read_parameters(query, body)
    address = request.client.host if request.client else ""
    headers.update(office.gate.enter(address, endpoint.weigh(parameters.values), now))
    name = request.headers.get("x-mbx-apikey")
    key = authenticate(endpoint.security, office.premises.keys, name, parameters, now)
    if endpoint.reads is not None:
        parameters.reject_unread(endpoint.reads)
    call = Call(office=office, parameters=parameters, key=key)
    counted = office.gate.count_order(call.account, now) if endpoint.counts_as_order else {}
    try:
        if endpoint.is_slow:
            document = await run_in_threadpool(endpoint.answer, call)
        else:
            document = endpoint.answer(call)
    except Refusal as refusal:
        raise in_venue_words(refusal) from refusal
    headers.update(counted)
    return document
