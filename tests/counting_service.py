"""A whole service in one file, to be served as a process of its own: it counts what it hears."""

import os
import threading

from pydantic import Field
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update

from shared.bus.tables import subscriptions
from shared.db.base import TRANSACTIONS
from shared.runtime.process import main
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import SectionSettings, section
from tests.saying import TOPIC

NAME = "counting"

_metadata = MetaData()
heard = Table(
    "heard",
    _metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    schema=TRANSACTIONS,
)
total = Table(
    "total",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("facts", Integer, nullable=False),
    schema=TRANSACTIONS,
)


class CountingSettings(SectionSettings):
    model_config = section(NAME)

    port: int = Field(ge=1, le=65535)
    fails: bool = False


def prepare(engine) -> None:
    """Make the tables anew and register the service, so that facts are kept for it."""
    _metadata.drop_all(engine)
    _metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(total).values(id=1, facts=0))
        connection.execute(insert(subscriptions).values(consumer=NAME, topic=TOPIC))


def counted(engine) -> tuple[list[int], int]:
    with engine.connect() as connection:
        versions = connection.execute(select(heard.c.version).order_by(heard.c.version)).scalars()
        return list(versions), connection.execute(select(total.c.facts)).scalar_one()


def _count(batch, uow) -> None:
    rows = [{"version": envelope.event.version} for envelope in batch]
    uow.connection.execute(insert(heard), rows)
    uow.connection.execute(update(total).values(facts=total.c.facts + len(rows)))


def _fail(stop: threading.Event) -> None:
    stop.wait(0.2)
    raise RuntimeError("the feed broke")


def build(settings: CountingSettings, runtime: Runtime) -> Service:
    metrics = new_metrics()
    return Service(
        name=NAME,
        port=settings.port,
        api=create_api(name=NAME, title="Counting", runtime=runtime, metrics=metrics),
        metrics=metrics,
        handlers={TOPIC: _count},
        tasks=(Work(name="feed", run=_fail),) if settings.fails else (),
        poll_seconds=0.1,
    )


if __name__ == "__main__":
    main(NAME, int(os.environ["COUNTING__PORT"]), CountingSettings, build)
