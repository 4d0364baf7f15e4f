"""`python -m signals`: this service as a process of its own."""

from shared.runtime.process import main
from signals.app import NAME, PORT, build
from signals.settings import SignalsSettings

main(NAME, PORT, SignalsSettings, build)
