"""Portfolio over HTTP: what is owned, what it earned, and what a rebalancing would trade."""

from portfolio.routes.api import router
from portfolio.routes.desk import Desk
from portfolio.routes.movements import movements_router
from portfolio.routes.rebalance import rebalance_router

__all__ = ["Desk", "movements_router", "rebalance_router", "router"]
