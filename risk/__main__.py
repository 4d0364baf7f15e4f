"""`python -m risk`: this service as a process of its own."""

from risk.app import build
from risk.settings import RiskSettings
from shared.runtime.serve import main

main(RiskSettings, build)
