"""The FastAPI application every service starts from."""

from dataclasses import dataclass

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from shared.http import errors, probes
from shared.http.auth import KeyRing
from shared.http.limits import Observe, Observed, TooLargeInWords
from shared.http.probes import Check

MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """What the application of one service is made of; `show_docs` is off in live."""

    name: str
    title: str
    version: str
    mode: str
    key_ring: KeyRing
    registry: CollectorRegistry
    observe: Observe
    checks: list[Check]
    show_docs: bool


def assemble(parts: ApiParts) -> FastAPI:
    """Return the application with probes, metrics, keys, limits and errors in place."""
    api = FastAPI(
        title=parts.title,
        version=parts.version,
        docs_url="/docs" if parts.show_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if parts.show_docs else None,
    )
    api.state.key_ring = parts.key_ring
    api.state.checks = parts.checks  # grows until the service is served
    errors.install(api)
    identity = {"service": parts.name, "version": parts.version, "mode": parts.mode}
    probes.install(api, identity, parts.checks, parts.registry)
    api.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    api.add_middleware(TooLargeInWords, max_bytes=MAX_BODY_BYTES)
    api.add_middleware(Observed, observe=parts.observe)
    return api
