"""REST of the signal generator: what was believed, why, and by which model."""

from fastapi import APIRouter

from signal_generator.routes import health, models, promoting, shadows, signals
from signal_generator.routes.desk import Desk

__all__ = ["Desk", "router"]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter()
    signals.install(routes, desk)
    shadows.install(routes, desk)
    health.install(routes, desk)  # before /models/{release_id}
    models.install(routes, desk)
    promoting.install(routes, desk)
    return routes
