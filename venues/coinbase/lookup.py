"""Where an order of the account can be found: by itself, in the list of orders, by its fills."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.ids import Symbol, VenueOrderId
from shared.domain.instrument import split_symbol
from shared.domain.venue import OrderRef, OrderReport, VenueFill
from venues.coinbase import parse
from venues.coinbase.asking import Asker, Params
from venues.coinbase.order import instant_text
from venues.reading import Unreadable

T = TypeVar("T", OrderReport, VenueFill)

_CLOCKS_DIFFER = timedelta(seconds=60)
_PAGE = 100
# in the order of an order's life, so that one that moves on meanwhile is met later; OPEN must be
# asked for alone
_RESTING = (["PENDING", "QUEUED"], ["OPEN"], ["EDIT_QUEUED", "CANCEL_QUEUED"])
_TWINS = frozenset({"USD", "USDC"})


class Lookup:
    """Raises VenueError, and Unreadable where an answer is not what Coinbase documents."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def single(
        self, venue_order_id: VenueOrderId, since: datetime | None = None
    ) -> OrderReport | None:
        """Ask for one order by the venue's id; `since`: None as well for an older one."""
        document = self._asker.find(f"/orders/historical/{venue_order_id}")
        if document is None:
            return None
        order = document["order"]
        report = parse.order_report(order)
        if report.venue_order_id != venue_order_id:
            raise Unreadable("the venue tells of another order than the one asked for")
        if since is not None and parse.created_at(order) < since:
            return None
        return report

    def by_our_id(self, order: OrderRef, *, is_urgent: bool = False) -> OrderReport | None:
        """Look among all orders since it was signed, whatever the venue calls their product."""
        since = order.placed_at - _CLOCKS_DIFFER
        for report in self._listed({}, since, is_urgent=is_urgent):
            if report.client_order_id == order.client_order_id:
                return as_asked(report, order.symbol)
        return None

    def placed(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        """Return the orders of one product that are listed, and those only its fills tell of."""
        listed = self._listed({"product_ids": [symbol]}, since)
        found = {report.venue_order_id: report for report in listed if report.symbol == symbol}
        for fill in self.fills(symbol, since):
            if fill.venue_order_id not in found:
                report = self.single(fill.venue_order_id, since)
                if report is not None:
                    found[fill.venue_order_id] = report
        return list(found.values())

    def resting(self) -> Sequence[OrderReport]:
        found: dict[VenueOrderId, OrderReport] = {}
        for statuses in _RESTING:
            for report in self._listed({"order_status": statuses}):
                found[report.venue_order_id] = report
        return [report for report in found.values() if not report.status.is_terminal]

    def fills(self, symbol: Symbol, since: datetime) -> Sequence[VenueFill]:
        params: Params = {
            "product_ids": [symbol],
            # the venue leaves out the instant itself
            "start_sequence_timestamp": instant_text(since - timedelta(seconds=1)),
        }
        return [fill for fill in self._fills(params, since) if fill.symbol == symbol]

    def fills_of(self, order: OrderRef, since: datetime) -> Sequence[VenueFill]:
        venue_order_id = order.venue_order_id
        if venue_order_id is None:
            report = self.by_our_id(order)
            if report is None:
                return []
            venue_order_id = report.venue_order_id
        fills = self._fills({"order_ids": [venue_order_id]}, since)
        return [
            as_asked(replace(fill, client_order_id=order.client_order_id), order.symbol)
            for fill in fills
            if fill.venue_order_id == venue_order_id
        ]

    def _listed(
        self, params: Params, since: datetime | None = None, *, is_urgent: bool = False
    ) -> Iterator[OrderReport]:
        wanted = params | {"limit": _PAGE}
        if since is not None:
            wanted["start_date"] = instant_text(since)
        for order in self._asker.pages(
            "/orders/historical/batch", "orders", wanted, is_urgent=is_urgent
        ):
            if since is None or parse.created_at(order) >= since:
                yield parse.order_report(order)

    def _fills(self, params: Params, since: datetime) -> list[VenueFill]:
        documents = self._asker.pages(
            "/orders/historical/fills", "fills", params | {"limit": _PAGE}
        )
        trades = (one for one in documents if parse.is_trade(one))
        found = {fill.trade_id: fill for fill in map(parse.fill, trades)}
        recent = [fill for fill in found.values() if fill.filled_at >= since]
        return sorted(recent, key=lambda fill: (fill.filled_at, fill.trade_id))


def as_asked(one: T, symbol: Symbol) -> T:
    """Return what the venue tells under the name that was asked for: USD and USDC are one book."""
    if one.symbol == symbol:
        return one
    (base, quote), (asked_base, asked_quote) = split_symbol(one.symbol), split_symbol(symbol)
    if base != asked_base or not {quote, asked_quote} <= _TWINS:
        raise Unreadable(f"the venue calls an order for {symbol} one for {one.symbol}")
    if isinstance(one, VenueFill):
        return replace(one, symbol=symbol, fee_asset=asked_quote)
    return replace(one, symbol=symbol)
