"""`python -m risk`: this service as a process of its own."""

from risk.app import NAME, PORT, build
from risk.settings import RiskSettings
from shared.runtime.process import main

main(NAME, PORT, RiskSettings, build)
