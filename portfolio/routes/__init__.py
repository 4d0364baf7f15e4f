"""Portfolio over HTTP: what is owned, what it earned, and what a rebalancing would trade."""

from portfolio.routes.api import Desk, router

__all__ = ["Desk", "router"]
