"""`python -m signal_generator`: this service as a process of its own."""

from shared.runtime.process import main
from signal_generator.app import NAME, PORT, build
from signal_generator.settings import SignalGeneratorSettings

main(NAME, PORT, SignalGeneratorSettings, build)
