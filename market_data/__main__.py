"""`python -m market_data`: this service as a process of its own."""

from market_data.app import NAME, PORT, build
from market_data.settings import MarketDataSettings
from shared.runtime.process import main

main(NAME, PORT, MarketDataSettings, build)
