"""`python -m signal_generator`: this service as a process of its own."""

from shared.runtime.serve import main
from signal_generator.app import build
from signal_generator.settings import SignalGeneratorSettings

main(SignalGeneratorSettings, build)
