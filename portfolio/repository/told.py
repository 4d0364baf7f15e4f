"""What whoever proves the books is told of executions: portfolio itself knows only its bookings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from shared.domain.order import Fill


class FillsTold(Protocol):
    """The executor's own record of what was executed."""

    def by_source(self, connection: Connection, sources: Sequence[str]) -> Mapping[str, Fill]: ...

    def count(self, connection: Connection) -> int: ...

    def unbooked(self, connection: Connection) -> Iterator[tuple[str, bool]]:
        """Yield the sources of fills without a booking, and whether they are still to be heard."""
        ...
