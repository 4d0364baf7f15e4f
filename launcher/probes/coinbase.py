"""What is not known of Coinbase: ids sent twice, stops on spot, keys, tokens, paging."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import jwt

from launcher.probes.bench import Bench, Question, Unanswered, document_of, told
from launcher.probes.sizing import Tiny
from shared.domain.enums import Side
from shared.domain.ids import ClientOrderId
from shared.domain.values import to_text
from venues.coinbase.client import HardClient, Span
from venues.coinbase.client import Question as Request
from venues.reading import Document
from venues.transport import Reply

API_PREFIX = "/api/v3/brokerage"
_MOST_PAGES = 20
_PAGE = 2


class CoinbaseProbe:
    def __init__(self, bench: Bench, client: HardClient) -> None:
        self._bench = bench
        self._client = client

    def questions(self) -> tuple[Question, ...]:
        return (
            Question(
                name="same-id-twice",
                sentence="What does an id sent again with another body do, while the first order "
                "is open and after its end?",
                ask=self._same_id_twice,
            ),
            Question(
                name="spot-stop-limit",
                sentence="Are stop-limit orders taken for spot products?",
                ask=self._stop_limit,
            ),
            Question(
                name="kind-of-key",
                sentence="Is this kind of key (ECDSA or Ed25519) taken?",
                ask=self._kind_of_key,
            ),
            Question(
                name="shorter-token",
                sentence="Is a token of 5 s taken, and refused when those are over?",
                ask=self._shorter_token,
            ),
            Question(
                name="paging",
                sentence="How deep do pages of orders by product_ids go, and is the singular "
                "product_id ignored?",
                ask=self._paging,
            ),
        )

    def _same_id_twice(self) -> str:
        own_id, tiny = self._bench.new_id(), self._bench.resting_buy()
        price = self._bench.rules.instrument.limit_price(tiny.price * Decimal("1.001"), Side.BUY)
        other = replace(tiny, price=price)
        first = self._create(own_id, tiny)
        second = self._create(own_id, other)
        self._cancel(first, second)
        third = self._create(own_id, other)
        self._cancel(third)
        ids = [_order_id(reply) for reply in (first, second, third)]
        if ids[0] is None:
            raise Unanswered(f"the first order was not made: {told(first)}")
        return (
            f"while open: {_compared(ids[0], ids[1], second)}; "
            f"after its end: {_compared(ids[0], ids[2], third)}"
        )

    def _stop_limit(self) -> str:
        tiny = self._bench.resting_buy()
        rules = self._bench.rules.instrument
        stop = rules.limit_price(tiny.price * Decimal("1.10"), Side.BUY)
        limit = rules.limit_price(tiny.price * Decimal("1.11"), Side.BUY)
        configuration = {
            "stop_limit_stop_limit_gtc": {
                "base_size": to_text(tiny.quantity),
                "limit_price": to_text(limit),
                "stop_price": to_text(stop),
                "stop_direction": "STOP_DIRECTION_STOP_UP",
            }
        }
        preview = self._post(
            "/orders/preview",
            {"product_id": self._bench.symbol, "side": "BUY", "order_configuration": configuration},
        )
        made = self._post("/orders", self._order(self._bench.new_id(), configuration))
        self._cancel(made)
        if _order_id(made) is not None:
            return "yes: a buy stop above the market was made"
        return f"no: {told(made)}; the preview said {told(preview)}"

    def _kind_of_key(self) -> str:
        token = self._client.signer.token(Span(signed_at=self._bench.now()))
        algorithm = str(jwt.get_unverified_header(token)["alg"])
        reply = self._get("/key_permissions")
        kind = "Ed25519" if algorithm == "EdDSA" else "ECDSA"
        taken = "is taken" if reply.status == 200 else f"is refused: {told(reply)}"
        again = "" if kind == "Ed25519" else "; run again with an Ed25519 key for the other kind"
        return f"{kind} ({algorithm}) {taken}{again}"

    def _shorter_token(self) -> str:
        now, five = self._bench.now(), timedelta(seconds=5)
        short = self._get("/key_permissions", span=Span(signed_at=now, window=five))
        over = self._get("/key_permissions", span=Span(signed_at=now - 4 * five, window=five))
        taken = "taken" if short.status == 200 else f"refused ({told(short)})"
        after = "refused" if over.status == 401 else f"not refused ({told(over)})"
        return f"a token of 5 s is {taken}; 15 s after its end it is {after}"

    def _paging(self) -> str:
        path, params = "/orders/historical/batch", {"product_ids": [self._bench.symbol]}
        orders: list[Document] = []
        cursor, pages, is_end = "", 0, False
        while pages < _MOST_PAGES and not is_end:
            reply = self._get(path, {**params, "limit": _PAGE, "cursor": cursor or None})
            page = document_of(reply)
            found = list(page["orders"].items())
            orders += found
            pages += 1
            following = page.maybe("cursor")
            cursor = str(following.value) if following is not None else ""
            is_end = not cursor or not found
        ids = {one["order_id"].text() for one in orders}
        singular = self._get(path, {"product_id": "NO-SUCH", "limit": _PAGE})
        ignored = "ignored" if b'"order_id"' in singular.body else "not ignored"
        depth = "to their end" if is_end else "and there are more"
        return (
            f"{len(ids)} different orders among {len(orders)} on {pages} pages of {_PAGE}, {depth};"
            f" the singular product_id is {ignored} ({told(singular)[:40]})"
        )

    def _create(self, own_id: ClientOrderId, tiny: Tiny) -> Reply:
        details = {
            "base_size": to_text(tiny.quantity),
            "limit_price": to_text(tiny.price),
            "post_only": True,
        }
        return self._post("/orders", self._order(own_id, {"limit_limit_gtc": details}))

    def _order(self, own_id: ClientOrderId, configuration: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "client_order_id": own_id,
            "product_id": self._bench.symbol,
            "side": "BUY",
            "order_configuration": configuration,
        }

    def _cancel(self, *made: Reply) -> None:
        ids = sorted({found for found in map(_order_id, made) if found is not None})
        if ids:
            self._post("/orders/batch_cancel", {"order_ids": ids})

    def _post(self, path: str, data: dict[str, Any]) -> Reply:
        return self._ask(Request(method="POST", path=f"{API_PREFIX}{path}", data=data))

    def _get(
        self, path: str, params: dict[str, Any] | None = None, *, span: Span | None = None
    ) -> Reply:
        request = Request(method="GET", path=f"{API_PREFIX}{path}", params=params, span=span)
        return self._ask(request)

    def _ask(self, request: Request) -> Reply:
        dated = replace(request, span=request.span or Span(signed_at=self._bench.now()))
        return self._bench.notebook.ask(lambda: self._client.ask(dated))


def _order_id(reply: Reply) -> str | None:
    """Return the id of the order that an answer names as made."""
    document = document_of(reply)
    success = document.maybe("success")
    if success is None or success.value is not True:
        return None
    return document["success_response"]["order_id"].text()


def _compared(first: str, found: str | None, reply: Reply) -> str:
    if found is None:
        return f"refused ({told(reply)})"
    return "the first order is told again" if found == first else "ANOTHER ORDER IS MADE"
