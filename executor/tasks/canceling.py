"""Cancels what somebody wishes to see canceled, until the venue says that it has ended.

Cancels have a lane and a share of the rate limit of their own, and no trading state holds them up.
"""

import time
from dataclasses import dataclass
from threading import Event

from executor.repository import requests
from executor.repository.requests import Standing
from executor.tasks.line import CANCELER, Line, attempt
from shared.domain.enums import OrderStatus
from shared.domain.ids import ClientOrderId
from shared.runtime.logging import get_logger

log = get_logger()

_AGAIN_SECONDS = 2.0

# an order, and how it stood when its cancel was asked for
Asked = tuple[ClientOrderId, OrderStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceler:
    line: Line

    def run(self, stop: Event) -> None:
        """Ask at once for what is new, and again for what has not ended."""
        doorbell = self.line.transactions.doorbell
        asked: dict[Asked, float] = {}
        while not stop.is_set():
            attempt(lambda: self.cancel_wanted(asked), "canceling")
            doorbell.wait(CANCELER, self.line.pauses.poll)

    def cancel_wanted(self, asked: dict[Asked, float]) -> None:
        """Request the cancels that are due; `asked` keeps when each was asked for last.

        An order that was still being sent then could not be found: once it stands otherwise, it is
        asked for again at once.
        """
        if not self.line.may_act():
            return
        with self.line.transactions.read() as connection:
            wanted = requests.to_cancel(connection, self.line.account)
        now = time.monotonic()
        for gone in asked.keys() - {(one.order.client_order_id, one.status) for one in wanted}:
            del asked[gone]
        for standing in wanted:
            order = (standing.order.client_order_id, standing.status)
            if now - asked.get(order, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
                pause = attempt(lambda standing=standing: self._cancel(standing), "canceling")
                # one that the rate limit held up was not asked for: as soon as the limit allows
                asked[order] = now + pause - _AGAIN_SECONDS if pause else now

    def _cancel(self, standing: Standing) -> None:
        answer = self.line.venue.cancel(standing.ref)
        self.line.reach("executor.cancel_sent")
        identity = standing.order.client_order_id
        log.info("cancel.requested", client_order_id=identity, answer=answer)
        self.line.to_look_at.put(identity)
