"""The HTTP half: from a request as transmitted to an answer in KuCoin's envelope."""

import json
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from simulator.metering import Meter, Use
from simulator.wire.kucoin.auth import Transmitted, signed_by
from simulator.wire.kucoin.desk import Call, Desk
from simulator.wire.kucoin.errors import (
    Complaint,
    bad_parameter,
    no_permission,
    not_json,
    too_many_requests,
    unknown_path,
)
from simulator.wire.kucoin.table import Access, Endpoint, Pool, find
from simulator.wire.port import SimulatedKey

_WINDOW_SECONDS = 30.0
_QUOTAS = {Pool.SPOT: 4000, Pool.MANAGEMENT: 2000, Pool.PUBLIC: 2000}


class Counter:
    """Where requests are answered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        limits = desk.premises.limits
        self._meters = {
            pool: Meter(limit=max(int(quota * limits.scale), 1), seconds=_WINDOW_SECONDS)
            for pool, quota in _QUOTAS.items()
        }

    async def __call__(self, request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            data = await self._answer(request, headers)
        except Complaint as complaint:
            return _written(complaint.body, complaint.status, headers)
        return _written({"code": "200000", "data": data}, 200, headers)

    async def _answer(self, request: Request, headers: dict[str, str]) -> Any:
        """Return the data; `headers` gets what the answer must carry in any case."""
        found = find(request.method, request.url.path)
        if found is None:
            raise unknown_path()
        endpoint, places = found
        body = await request.body()
        key = self._admitted(endpoint, request, body)
        self._meter(endpoint, _who(request, key), headers)
        call = Call(
            origin=str(request.base_url),
            places=places,
            query=dict(request.query_params),
            body=_parsed(body, request.headers.get("content-type", "")),
            key=key,
        )
        return endpoint.answer(self._desk, call)

    def _admitted(self, endpoint: Endpoint, request: Request, body: bytes) -> SimulatedKey | None:
        if endpoint.access is Access.ANYONE:
            return None
        transmitted = Transmitted(
            method=request.method, target=_target(request), body=body, headers=request.headers
        )
        key = signed_by(transmitted, self._desk.premises.keys, self._desk.exchange.now())
        if endpoint.access is Access.TRADE and not key.may_trade:
            raise no_permission()
        return key

    def _meter(self, endpoint: Endpoint, who: str, headers: dict[str, str]) -> None:
        if not self._desk.premises.limits.is_enforced:
            return
        now = self._desk.exchange.now().timestamp()
        use = self._meters[endpoint.pool].spend(who, endpoint.weight, now)
        headers.update(_rate_headers(use))
        if use.is_exceeded:
            raise too_many_requests()


def _written(document: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status, headers, media_type="application/json")


def _rate_headers(use: Use) -> dict[str, str]:
    return {
        "gw-ratelimit-limit": str(use.limit),
        "gw-ratelimit-remaining": str(use.remaining),
        "gw-ratelimit-reset": str(max(int(use.reset_seconds * 1000), 0)),
    }


def _who(request: Request, key: SimulatedKey | None) -> str:
    if key is not None:
        return key.key
    return request.client.host if request.client is not None else ""


def _target(request: Request) -> str:
    """Return path and query as they were sent, still percent-encoded."""
    raw = cast("bytes", request.scope.get("raw_path") or request.url.path.encode())
    query = cast("bytes", request.scope["query_string"])
    path = raw.partition(b"?")[0].decode("latin-1")
    return f"{path}?{query.decode('latin-1')}" if query else path


def _parsed(body: bytes, content_type: str) -> Mapping[str, Any]:
    if not body.strip():
        return {}
    if not content_type.lower().startswith("application/json"):
        raise not_json()
    try:
        document: Any = json.loads(body, parse_float=str)
    except ValueError as error:
        raise bad_parameter("Parameter Error") from error
    if not isinstance(document, dict):
        raise bad_parameter("Parameter Error")
    return cast("dict[str, Any]", document)
