"""Done once, however often it is asked: money routes keep their answer by `Idempotency-Key`.

The first request claims its key, acts and keeps its answer in one transaction; whoever repeats it
is given that answer, and whoever uses the key for another request is refused. What failed has
changed nothing and is not kept, so that it may be tried again under the same key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Column, Connection, Table, select, update

from shared.db.base import TRANSACTIONS, metadata
from shared.db.dialect import for_update, insert_missing
from shared.db.statements import Prepared, given
from shared.db.types import Document, Instant, Word
from shared.domain.errors import BadInput
from shared.http.keys import Principal

T = TypeVar("T")

HEADER = "Idempotency-Key"

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("service", Word(32), primary_key=True),
    Column("actor", Word(64), primary_key=True),
    Column("idempotency_key", Word(128), primary_key=True),
    Column("route", Word(128), nullable=False),
    Column("digest", Word(64), nullable=False),
    Column("answer", Document()),
    Column("created_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)
_THIS = (
    given(idempotency_keys.c.service),
    given(idempotency_keys.c.actor),
    given(idempotency_keys.c.idempotency_key),
)
_CLAIMED = Prepared(
    for_update(select(idempotency_keys.c.digest, idempotency_keys.c.answer).where(*_THIS))
)
_KEEP = update(idempotency_keys)


class Unit(Protocol):
    """The transaction in which the request is done: a unit of work."""

    @property
    def connection(self) -> Connection: ...

    @property
    def now(self) -> datetime: ...


class IdempotencyConflict(BadInput):
    reason = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            HEADER, "it was used for another request", "choose a new one for this request"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that is to be done once: who asks whom under which key, and for what exactly."""

    service: str
    actor: str
    key: str
    route: str
    digest: str


@dataclass(frozen=True, slots=True)
class Asking:
    """What a route knows of its request before it has read the body."""

    request: Request
    key: str | None

    def about(self, body: BaseModel | None) -> Asked:
        """Return the request with its body, as it is compared with a later one.

        Raises:
            BadInput: there is no key.
        """
        if self.key is None:
            raise BadInput(HEADER, "this request moves money and has none", "send a fresh value")
        principal: Principal = self.request.state.principal
        what = f"{self.request.method} {self.request.url.path}?{self.request.url.query}\n"
        said = "" if body is None else body.model_dump_json()
        return Asked(
            service=self.request.app.state.service,
            actor=principal.name,
            key=self.key,
            route=f"{self.request.method} {self.request.scope['route'].path}"[:128],
            digest=sha256((what + said).encode()).hexdigest(),
        )


_HEADER: Any = Header(
    alias=HEADER,
    min_length=8,
    max_length=128,
    pattern=r"^[\x21-\x7e]+$",
    description="a fresh value for each request; repeating one repeats the answer, no deed",
)
KeyHeader = Annotated[str, _HEADER]
PerhapsKeyHeader = Annotated[str | None, _HEADER]  # a union of an annotated type is no header


def _asking(request: Request, idempotency_key: KeyHeader) -> Asking:
    return Asking(request, idempotency_key)


def _asking_perhaps(request: Request, idempotency_key: PerhapsKeyHeader = None) -> Asking:
    return Asking(request, idempotency_key)


Once = Annotated[Asking, Depends(_asking)]  # the header must be there
OnceIfItActs = Annotated[Asking, Depends(_asking_perhaps)]  # dry runs may leave it out


def once(uow: Unit, asked: Asked, answer: type[T], work: Callable[[], T]) -> T:
    """Return what `work` returns, or what it returned when this was asked before.

    Call it first in the transaction: it locks the key, and a request that comes twice at the same
    time waits here for the first to end. `answer` is any type pydantic can write and read.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    this = {"service": asked.service, "actor": asked.actor, "idempotency_key": asked.key}
    row = {"route": asked.route, "digest": asked.digest, "answer": None, "created_at": uow.now}
    insert_missing(uow.connection, idempotency_keys, [this | row])
    claimed = _CLAIMED.first(uow.connection, **this)
    if claimed.digest != asked.digest:
        raise IdempotencyConflict
    shape = TypeAdapter(answer)
    if claimed.answer is not None:
        return shape.validate_python(claimed.answer["is"])
    done = work()
    kept = {"is": shape.dump_python(done, mode="json")}
    mine = [column == this[column.name] for column in idempotency_keys.primary_key]
    uow.connection.execute(_KEEP.where(*mine).values(answer=kept))
    return done
