"""`python -m executor` serves executor as a process of its own."""

from executor.app import build
from executor.settings import ExecutorSettings
from shared.runtime.serve import main

main(ExecutorSettings, build)
