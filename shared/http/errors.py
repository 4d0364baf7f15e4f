"""Errors as problem+json (RFC 9457): a stable `reason` and, for bad input, the fields at fault."""

import json
from collections.abc import Mapping
from math import ceil
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import exc
from starlette.exceptions import HTTPException

from shared.domain.errors import (
    BadInput,
    Conflict,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    TradingError,
    Unavailable,
)
from shared.http.remedies import in_words

_STATUS: tuple[tuple[type[TradingError], int], ...] = (
    (BadInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 403),
    (Unavailable, 503),
    (NotSent, 503),
    (OutcomeUnknown, 502),
)
_TITLES = {
    400: "The request cannot be read",
    401: "A valid key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "In another state",
    413: "The body is too large",
    422: "The input is not valid",
    429: "Too many requests",
    500: "Something went wrong on our side",
    502: "The venue's answer is unknown",
    503: "Not available right now",
}
_REASONS = {
    400: "unreadable",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "bad_input",
}
_LONGEST_PATH = 200
_TEXT = {"type": "string"}
_FIELD = {
    "type": "object",
    "required": ["field", "problem"],
    "properties": {"field": _TEXT, "problem": _TEXT, "remedy": _TEXT, "where": _TEXT},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "reason", "detail"],
    "properties": {
        **dict.fromkeys(("type", "title", "reason", "detail"), _TEXT),
        "status": {"type": "integer"},
        "fields": {"type": "array", "items": _FIELD},
    },
}
DOCUMENTED: dict[str, Any] = {
    "description": "A problem document (RFC 9457); `reason` is a stable word to match on",
    "content": {"application/problem+json": {"schema": _PROBLEM}},
}


class Unauthenticated(TradingError):
    reason = "unauthenticated"


class Forbidden(TradingError):
    reason = "forbidden"


class Declined(TradingError):
    """A rule said no to what was well asked (409); `members` go into the document beside it."""

    def __init__(self, reason: str, detail: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.members = members or {}


class TooMany(TradingError):
    """Asked too often, or shown too many unknown keys (429); `seconds` from now it may work."""

    def __init__(self, reason: str, detail: str, seconds: float) -> None:
        self.retry_after = max(ceil(seconds), 1)
        super().__init__(f"{detail}; try again in {self.retry_after} s")
        self.reason = reason


class DatabaseAway(Unavailable):
    reason = "database_unavailable"

    def __init__(self) -> None:
        super().__init__("the database does not answer; try again shortly")


class _Document(JSONResponse):
    """In plain ASCII: what a caller sent may be text that UTF-8 has no bytes for."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def problem(
    status: int,
    reason: str,
    detail: str,
    fields: list[dict[str, str]] | None = None,
    members: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return one problem document; `members` are further ones (RFC 9457, 3.2)."""
    body: dict[str, Any] = {
        "type": f"urn:trading:{reason}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "reason": reason,
        "detail": detail,
        **(members or {}),
    }
    if fields:
        body["fields"] = fields
    headers = {"WWW-Authenticate": "X-TRADING-API-KEY"} if status == 401 else None
    return _Document(body, status, headers, media_type="application/problem+json")


def install(api: FastAPI) -> None:
    """Answer every error of this application as problem+json."""
    api.add_exception_handler(TradingError, _trading_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(HTTPException, _http_exception)
    for away in (exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
        api.add_exception_handler(away, _database_away)
    api.add_exception_handler(exc.StatementError, _not_storable)
    api.add_exception_handler(UnicodeEncodeError, _no_text)
    api.add_exception_handler(Exception, _unexpected)


def _trading_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TradingError)
    if isinstance(error, Unauthenticated):
        return problem(401, error.reason, error.detail)
    if isinstance(error, Forbidden):
        return problem(403, error.reason, error.detail)
    if isinstance(error, Declined):
        return problem(409, error.reason, error.detail, members=error.members)
    if isinstance(error, TooMany):
        answer = problem(429, error.reason, error.detail)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    fields = (
        [{"field": error.field, "problem": error.problem, "remedy": error.remedy}]
        if isinstance(error, BadInput)
        else None
    )
    return problem(status, error.reason, error.detail, fields)


class _Door(Protocol):
    def recognize(self, request: Request) -> object: ...


def _stranger(request: Request) -> JSONResponse | None:
    """Return what an unknown caller is told, whose body was read before anybody asked for a key."""
    door: _Door | None = getattr(request.app.state, "doorkeeper", None)
    if door is None or hasattr(request.state, "principal"):
        return None
    try:
        door.recognize(request)
    except TradingError as error:
        return _trading_error(request, error)
    return None


def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    is_unread = any(item["type"] == "json_invalid" for item in error.errors())
    unwelcome = _stranger(request) if is_unread else None
    if unwelcome is not None:
        return unwelcome
    fields = [in_words(item, error.body) for item in error.errors()]
    detail = "; ".join(f"{item['field']}: {item['problem']}; {item['remedy']}" for item in fields)
    return problem(422, "bad_input", detail, fields)


def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    unwelcome = _stranger(request) if error.status_code == 400 else None
    if unwelcome is not None:
        return unwelcome
    reason = _REASONS.get(error.status_code, "error")
    answer = problem(error.status_code, reason, _detail(request, error))
    answer.headers.update(error.headers or {})
    return answer


def _detail(request: Request, error: HTTPException) -> str:
    """Return what the framework says of a request, with what to do about it."""
    service = getattr(request.app.state, "service", "this service")
    asked = f"{request.method} {request.url.path[:_LONGEST_PATH]}"
    match error.status_code:
        case 404:
            return f"{service} has nothing at {asked}; docs/api-scopes.md lists every route"
        case 405:
            return f"{asked} is not possible; use {(error.headers or {}).get('Allow')}"
        case 400:
            return f"{error.detail}; send JSON in UTF-8"
        case _:
            return str(error.detail)


def _not_storable(_request: Request, error: Exception) -> JSONResponse:
    """Answer a value our column types refuse; what the database itself refused is our mistake."""
    assert isinstance(error, exc.StatementError)
    if isinstance(error.orig, ValueError):
        return problem(422, "bad_input", f"{error.orig}; change this value")
    raise error


def _no_text(_request: Request, _error: Exception) -> JSONResponse:
    """Answer half a surrogate pair, which JSON can spell and nothing can write down."""
    return problem(422, "bad_input", "a text is no Unicode; leave out half a surrogate pair")


def _database_away(request: Request, _error: Exception) -> JSONResponse:
    return _trading_error(request, DatabaseAway())


def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    return unexpected(error)


def unexpected(error: Exception) -> JSONResponse:
    """Return the answer to what nobody foresaw: what kind of mistake, and not a word of it."""
    return problem(500, "internal", f"{type(error).__name__}; the log of this service has more")
