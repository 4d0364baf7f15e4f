"""A money request is done once: repeated, at the same time, after a failure, with another body."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from shared.db.audit import audit
from shared.domain.errors import Conflict
from shared.http.idempotency import IdempotencyConflict, idempotency_keys, once
from tests.builders import asked


class Shop:
    """Every purchase leaves a row in the audit, and answers with its number."""

    def __init__(self, transactions):
        self.transactions = transactions
        self.tries = 0

    def buy(self, request, pause=lambda: None, fails=False):
        def sell(uow):
            self.tries += 1
            pause()
            uow.audit("shop", "sold", str(self.tries), {})
            if fails:
                raise Conflict("sold out")
            return {"number": self.tries, "price": "0.10"}

        return self.transactions.attempt(
            lambda uow: once(uow, request, dict[str, int | str], lambda: sell(uow))
        )

    def sold(self):
        with self.transactions.read() as connection:
            query = select(func.count()).select_from(audit)
            return connection.execute(query).scalar_one()


@pytest.fixture
def shop(transactions):
    return Shop(transactions)


def test_the_same_request_is_given_the_first_answer_and_nothing_happens_again(shop):
    first = shop.buy(asked())
    assert shop.buy(asked()) == first == {"number": 1, "price": "0.10"}
    assert (shop.tries, shop.sold()) == (1, 1)


def test_another_request_under_the_same_key_is_refused_in_words(shop):
    shop.buy(asked())
    with pytest.raises(IdempotencyConflict, match="choose a new one"):
        shop.buy(asked(digest="e" * 64))
    assert shop.sold() == 1


@pytest.mark.parametrize(
    "change", [{"actor": "other"}, {"service": "portfolio"}, {"key": "Wish-0001"}]
)
def test_keys_of_others_and_of_other_services_are_other_keys(shop, change):
    shop.buy(asked())
    assert shop.buy(replace(asked(), **change))["number"] == 2


def test_what_failed_changed_nothing_and_may_be_tried_again(shop):
    with pytest.raises(Conflict):
        shop.buy(asked(), fails=True)
    assert shop.sold() == 0
    assert shop.buy(asked())["number"] == 2
    assert shop.sold() == 1


def test_two_at_the_same_time_are_one_deed(shop):
    """The second waits for the first, whichever comes first; eight clients insist at once."""
    together = threading.Barrier(8)

    def insist(_):
        together.wait(10)
        return shop.buy(asked())

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(insist, range(8)))
    assert len({str(one) for one in answers}) == 1
    assert shop.sold() == 1


def test_nothing_is_kept_but_the_digest_and_the_answer(shop):
    shop.buy(asked())
    with shop.transactions.read() as connection:
        row = connection.execute(select(idempotency_keys)).one()
    assert row.answer == {"is": {"number": 1, "price": "0.10"}}
    assert (row.actor, row.route, row.digest) == ("owner", "POST /test", "d" * 64)
