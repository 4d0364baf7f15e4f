"""The executor over HTTP: orders and fills, canceling, leaving, comparing with the venue."""

from executor.routes.api import Desk, router

__all__ = ["Desk", "router"]
