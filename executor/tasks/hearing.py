"""Listens to the venue's private stream: hints where to look, never facts."""

from dataclasses import dataclass
from threading import Event

from executor.repository import requests
from executor.tasks.line import Line, attempt
from shared.domain.ids import ClientOrderId
from shared.domain.venue import Gap, Hint, OrderHint
from shared.runtime.logging import get_logger
from venues.stream import Dialect, follow

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    line: Line
    dialect: Dialect
    authority: str | None

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            if self.line.may_act():
                follow(self.dialect, self.hear, stop, self.authority)
            stop.wait(1.0)

    def hear(self, hint: Hint) -> None:
        match hint:
            case Gap(reason=reason):
                log.info("stream.gap", venue=self.line.venue.name, reason=reason)
                self.line.account_in_doubt.set()
            case OrderHint():
                attempt(lambda: self._look(hint), "hearing")

    def _look(self, hint: OrderHint) -> None:
        found = [hint.client_order_id] if hint.client_order_id else self._named(hint)
        for identity in found:
            self.line.to_look_at.put(identity)
        if not found:  # nobody we know: compare everything
            self.line.account_in_doubt.set()

    def _named(self, hint: OrderHint) -> list[ClientOrderId]:
        if hint.venue_order_id is None:
            return []
        line = self.line
        with line.transactions.read() as connection:
            found = requests.all_by_venue_id(connection, line.account, hint.venue_order_id)
        return [one.order.client_order_id for one in found]
