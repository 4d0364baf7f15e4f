"""KuCoin's own package, unmodified; it warns of `pkg_resources` when it is imported."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from kucoin.client import Market, Trade, User

__all__ = ["Market", "Trade", "User"]
