"""The recommender over HTTP: what was proposed, proposals by hand, and rebalancings."""

from recommender.routes.rebalances import rebalances_router
from recommender.routes.recommendations import IssuedView, router

__all__ = ["IssuedView", "rebalances_router", "router"]
