"""The FastAPI application every service starts from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware

from shared.http import errors, probes
from shared.http.auth import HEADER, Doorkeeper
from shared.http.idempotency import HEADER as IDEMPOTENCY_HEADER
from shared.http.limits import Accounted, Observe, Observed, TooLargeInWords
from shared.http.probes import Check
from shared.http.uses import Uses

MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """What the application of one service is made of; `show_docs` is off in live.

    `origins`: of the pages in a browser that may read the answers; none unless somebody says so.
    `shows`: what /health tells besides, for example the models in use.
    """

    name: str
    title: str
    version: str
    mode: str
    doorkeeper: Doorkeeper
    uses: Uses
    registry: CollectorRegistry
    observe: Observe
    checks: list[Check]
    show_docs: bool
    origins: tuple[str, ...] = ()
    shows: Callable[[], Mapping[str, Any]] = dict


def assemble(parts: ApiParts) -> FastAPI:
    """Return the application with probes, metrics, keys, limits and errors in place."""
    api = FastAPI(
        title=parts.title,
        version=parts.version,
        docs_url="/docs" if parts.show_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if parts.show_docs else None,
        responses={"4XX": errors.DOCUMENTED, "5XX": errors.DOCUMENTED},
    )
    api.state.service = parts.name
    api.state.doorkeeper = parts.doorkeeper
    api.state.uses = parts.uses
    api.state.checks = parts.checks  # grows until the service is served
    errors.install(api)
    who = {"service": parts.name, "version": parts.version, "mode": parts.mode}
    probes.install(api, lambda: {**who, **parts.shows()}, parts.checks, parts.registry)
    api.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    api.add_middleware(TooLargeInWords, max_bytes=MAX_BODY_BYTES)
    api.add_middleware(Accounted, uses=parts.uses)
    if parts.origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(parts.origins),
            allow_credentials=False,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[HEADER, IDEMPOTENCY_HEADER, "Content-Type"],
            max_age=600,
        )
    api.add_middleware(Observed, observe=parts.observe)
    return api
