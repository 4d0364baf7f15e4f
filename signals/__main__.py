"""`python -m signals`: this service as a process of its own."""

from shared.runtime.serve import main
from signals.app import build
from signals.settings import SignalsSettings

main(SignalsSettings, build)
