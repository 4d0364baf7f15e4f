"""`python -m portfolio` serves portfolio as a process of its own."""

from portfolio.app import build
from portfolio.settings import PortfolioSettings
from shared.runtime.serve import main

main(PortfolioSettings, build)
