"""`python -m executor` serves executor as a process of its own."""

from executor.app import NAME, PORT, build
from executor.settings import ExecutorSettings
from shared.runtime.process import main

main(NAME, PORT, ExecutorSettings, build)
