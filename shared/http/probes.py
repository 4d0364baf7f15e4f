"""Health: is the process alive, and may it be given work; each red light with its reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition of readiness: `problem` returns None when it is met, else the reason."""

    name: str
    problem: Callable[[], str | None]


def _reason(check: Check) -> str | None:
    try:
        return check.problem()
    except Exception as error:  # noqa: BLE001 - a check that cannot be made is a red light
        return f"{type(error).__name__}: {error}".splitlines()[0]


def problems(checks: Sequence[Check]) -> dict[str, str]:
    """Return the reasons of all red lights by check name."""
    found = {check.name: _reason(check) for check in checks}
    return {name: reason for name, reason in found.items() if reason is not None}


def install(
    api: FastAPI,
    identity: Callable[[], Mapping[str, Any]],
    checks: Sequence[Check],
    registry: CollectorRegistry,
) -> None:
    """Add /health, /health/live, /health/ready and /metrics; they need no key.

    `identity`: who it is, and what it runs with, now.
    """
    routes = APIRouter(tags=["operations"])

    @routes.get("/health/live", summary="Is the process alive")
    async def live() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        # on the event loop: requests that wait for the database cannot keep it waiting
        return {"status": "alive"}

    @routes.get("/health/ready", summary="May it be given work; if not, why")
    def ready() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return _readiness(identity, checks)

    @routes.get("/health", summary="Who it is and how it is")
    def health() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return _readiness(identity, checks)

    @routes.get("/metrics", summary="Prometheus metrics")
    def metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    api.include_router(routes)


def _readiness(identity: Callable[[], Mapping[str, Any]], checks: Sequence[Check]) -> JSONResponse:
    found = problems(checks)
    body: dict[str, Any] = {
        "status": "not_ready" if found else "ready",
        **identity(),
        "checks": {check.name: found.get(check.name, "ok") for check in checks},
    }
    return JSONResponse(body, 503 if found else 200)
