"""What the executor is called, and where it listens."""

NAME = "executor"
PORT = 8024
POLL_SECONDS = 0.25
