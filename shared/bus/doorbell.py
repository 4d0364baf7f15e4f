"""The doorbell says "look"; it carries nothing, so nothing is lost when it does not ring."""

from collections.abc import Iterable
from threading import Event
from typing import Protocol


class Doorbell(Protocol):
    def ring(self, consumers: Iterable[str]) -> None:
        """Wake these consumers where possible; never raises, never blocks for long."""
        ...

    def wait(self, consumer: str, timeout_seconds: float) -> bool:
        """Return True when the bell rang for this consumer, False after the timeout."""
        ...

    def problem(self) -> str | None:
        """Return what only a person can mend, None where waiting is enough."""
        ...

    def close(self) -> None: ...


class InProcessDoorbell:
    """Bells of the services that live in this process."""

    def __init__(self) -> None:
        self._bells: dict[str, Event] = {}

    def ring(self, consumers: Iterable[str]) -> None:
        for consumer in consumers:
            self._bell(consumer).set()

    def wait(self, consumer: str, timeout_seconds: float) -> bool:
        bell = self._bell(consumer)
        rang = bell.wait(timeout_seconds)
        bell.clear()
        return rang

    def problem(self) -> str | None:
        return None

    def close(self) -> None:
        self.ring(list(self._bells))

    def _bell(self, consumer: str) -> Event:
        return self._bells.setdefault(consumer, Event())  # atomic: both sides get the same bell
