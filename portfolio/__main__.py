"""`python -m portfolio` serves portfolio as a process of its own."""

from portfolio.app import NAME, PORT, build
from portfolio.settings import PortfolioSettings
from shared.runtime.process import main

main(NAME, PORT, PortfolioSettings, build)
