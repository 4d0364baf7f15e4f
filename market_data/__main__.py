"""`python -m market_data`: this service as a process of its own."""

from market_data.app import build
from market_data.settings import MarketDataSettings
from shared.runtime.serve import main

main(MarketDataSettings, build)
