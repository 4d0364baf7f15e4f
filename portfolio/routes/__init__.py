"""Portfolio over HTTP: what is owned, what it earned, and what a rebalancing would trade."""

from portfolio.routes.api import router
from portfolio.routes.desk import Desk

__all__ = ["Desk", "router"]
