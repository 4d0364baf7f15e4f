"""KuCoin behind the port of venues: orders and cancels; what is only asked is in `questions`."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from shared.domain.enums import OrderType
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.venue import Answer, NotSent, OrderRef, OrderRequest, RateUse
from venues.errors import RateLimited
from venues.kucoin import outcome
from venues.kucoin.client import Call
from venues.kucoin.envelope import question
from venues.kucoin.line import LOST, SPOT
from venues.kucoin.order import Unfit, fields
from venues.kucoin.questions import Questions
from venues.port import CancelAnswer
from venues.transport import TooLate

_ACCEPTANCE = timedelta(seconds=30)  # the longest window of a request, and a margin for its way
_SHORTEST_DEAD_MAN = 5
_LONGEST_DEAD_MAN = 86_400
_MOST_DEAD_MAN_SYMBOLS = 50


class KuCoin(Questions):
    """One adapter for one thread."""

    @property
    def finality(self) -> timedelta:
        return _ACCEPTANCE

    def set_offset(self, offset: timedelta) -> None:
        self._line.client.offset = offset

    def submit(self, request: OrderRequest) -> Answer:
        try:
            call = self._create(request)
            self._line.budget.spend(SPOT, 1)
        except (Unfit, RateLimited) as error:
            return NotSent(reason=str(error))
        client = self._line.client
        try:
            with client.hard.sending_by(request.send_by), client.dated(request.signed_at):
                reply = call()
        except TooLate:
            return NotSent(reason="the time to send it was over")
        except (*LOST, BadInput) as error:
            return outcome.of_lost(error, has_left=client.hard.departure.has_left)
        self._line.learn(SPOT, reply)
        return outcome.of_submit(reply, request.client_order_id)

    def _create(self, request: OrderRequest) -> Call:
        asked = fields(request, self._known_rules.get(request.symbol))
        client = self._line.client
        named = {"clientOid": request.client_order_id, **asked}
        words = (request.symbol, request.side.value)
        if request.order_type is OrderType.MARKET:
            return partial(client.create_hf_market_order, *words, **named)
        return partial(client.create_limit_hf_order, *words, **named)

    def cancel(self, order: OrderRef) -> CancelAnswer:
        call = self._line.client.single_cancel(order)
        reply = self._line.send(SPOT, 1, call, is_urgent=True)
        return outcome.of_cancel(reply)

    def arm_dead_man(self, timeout_seconds: int, symbols: Sequence[Symbol]) -> bool:
        """Set the venue's own protection; 0 or less takes it back, no symbols means all.

        The venue takes 5 s to a day and 50 symbols at most: more symbols mean all of them.
        """
        client = self._line.client
        timeout = -1
        if timeout_seconds > 0:
            timeout = min(max(timeout_seconds, _SHORTEST_DEAD_MAN), _LONGEST_DEAD_MAN)
        named: dict[str, str] = {}
        if 0 < len(symbols) <= _MOST_DEAD_MAN_SYMBOLS:
            named["symbols"] = ",".join(symbols)
        call = partial(client.set_hf_auto_cancel, timeout, **named)
        reply = self._line.send(SPOT, 2, call, is_urgent=True)
        question(reply)
        return True

    def rate_use(self) -> RateUse:
        held_until = self._line.held_until
        if held_until is not None and held_until <= self._line.clock.now():
            held_until = None
        return RateUse(used_ratio=self._line.budget.used_ratio(), held_until=held_until)
