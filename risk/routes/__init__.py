"""REST of risk: what is allowed, what is used, what was decided, and the big red buttons."""

from fastapi import APIRouter

from risk.routes import control, decisions, limits
from risk.routes.desk import Desk

__all__ = ["Desk", "router"]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["risk"])
    decisions.install(routes, desk)
    limits.install(routes, desk)
    control.install(routes, desk)
    return routes
