"""Runs the history on the engine it is given, on one connection."""

from alembic import context

from shared.db.base import PRICES, TRANSACTIONS, metadata

engine = context.config.attributes["engine"]
is_embedded = engine.dialect.name == "sqlite"


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name in (PRICES, TRANSACTIONS)


with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=None if is_embedded else TRANSACTIONS,
        include_schemas=not is_embedded,
        include_name=_is_ours,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
