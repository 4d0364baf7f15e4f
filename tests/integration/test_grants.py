"""The database itself keeps every service to its own tables."""

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

from launcher.grants import OPERATOR, TRAINING, USERS, make_users, read_passwords
from shared.domain.errors import BadInput
from tests.database import empty_database

PASSWORD = "a-password-of-a-test"
REFUSALS = (1142, 1143)  # a table, a column


@pytest.fixture(scope="module")
def users(mariadb_server):
    empty_database(mariadb_server.address)
    engine = create_engine(mariadb_server.address.url())
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM mysql.global_priv WHERE User = ''"))
        for _ in range(2):  # safe to run again
            make_users(connection, dict.fromkeys(USERS, PASSWORD))
    yield mariadb_server.address
    with engine.begin() as connection:
        for user in USERS:
            connection.execute(text(f"DROP USER '{user}'@'%'"))
    engine.dispose()


def may(address, user, statement):
    engine = create_engine(address.url().set(username=user, password=PASSWORD))
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
            connection.rollback()
    except DBAPIError as error:
        if error.orig.args[0] not in REFUSALS:
            raise
        return False
    finally:
        engine.dispose()
    return True


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("risk", "DELETE FROM risk_quotes"),
        ("risk", "UPDATE control SET reason = reason"),
        ("executor", "SELECT state FROM control LOCK IN SHARE MODE"),
        ("executor", "SELECT * FROM fills"),
        ("signal_generator", "DELETE FROM crypto_prices.ml_signals"),
        ("portfolio", "DELETE FROM tax_lots"),
        ("market_data", "DELETE FROM deliveries"),
        (TRAINING, "SELECT * FROM crypto_prices.crypto_prices"),
        (OPERATOR, "UPDATE control SET reason = reason"),
        (OPERATOR, "SELECT * FROM crypto_prices.ml_signals"),
        (OPERATOR, "DELETE FROM live_consents"),
    ],
)
def test_what_is_its_own_it_may(users, user, statement):
    assert may(users, user, statement)


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("signals", "SELECT * FROM orders"),
        ("signal_generator", "UPDATE control SET state = 'run'"),
        ("executor", "UPDATE control SET state = 'run'"),
        ("recommender", "DELETE FROM risk_limits"),
        ("risk", "DELETE FROM orders"),
        ("executor", "DELETE FROM fills"),
        ("executor", "UPDATE order_events SET kind = kind"),
        ("portfolio", "UPDATE ledger_entries SET amount = amount"),
        ("risk", "DELETE FROM audit"),
        ("risk", "UPDATE event_log SET topic = topic"),
        ("risk", "DROP TABLE risk_limits"),
        ("risk", "CREATE TABLE more (id INT)"),
        (TRAINING, "SELECT * FROM api_keys"),
        (TRAINING, "DELETE FROM crypto_prices.crypto_prices"),
        (OPERATOR, "DELETE FROM audit"),
        (OPERATOR, "DELETE FROM orders"),
    ],
)
def test_what_is_not_it_may_not(users, user, statement):
    assert not may(users, user, statement)


@pytest.fixture
def administrator(users):
    engine = create_engine(users.url())
    yield engine
    engine.dispose()


def made_again(users, engine, user):
    """Return what the server was told of rights, and after what the user could not work on."""
    told, failed = [], []

    def look(_connection, _cursor, statement, *_rest):
        if statement.startswith(("GRANT", "REVOKE")):
            told.append(statement)
        if not may(users, user, "SELECT * FROM risk_quotes FOR UPDATE"):
            failed.append(statement)

    event.listen(engine, "after_cursor_execute", look)
    with engine.begin() as connection:
        make_users(connection, {user: PASSWORD})
    event.remove(engine, "after_cursor_execute", look)
    return told, failed


def test_making_a_user_again_takes_nothing_from_a_service_that_runs(users, administrator):
    assert made_again(users, administrator, "risk") == ([], [])


SURPLUS = {
    "ALL PRIVILEGES ON crypto_transactions.orders": "DELETE FROM orders",
    "CREATE, DROP ON crypto_transactions.*": "CREATE OR REPLACE TABLE more (id INT)",
    "UPDATE (topic) ON crypto_transactions.event_log": "UPDATE event_log SET topic = topic",
    "SELECT ON *.*": "SELECT * FROM live_consents",
}


def test_what_is_too_much_is_taken_and_what_is_missing_given_and_nothing_else(users, administrator):
    with administrator.begin() as connection:
        for right in SURPLUS:
            connection.execute(text(f"GRANT {right} TO 'risk'@'%' WITH GRANT OPTION"))
        connection.execute(text("REVOKE INSERT ON crypto_transactions.audit FROM 'risk'@'%'"))
    assert all(may(users, "risk", statement) for statement in SURPLUS.values())
    _, failed = made_again(users, administrator, "risk")
    assert not failed
    assert not any(may(users, "risk", statement) for statement in SURPLUS.values())
    assert may(users, "risk", "INSERT INTO audit SELECT * FROM audit WHERE 1 = 0")
    with administrator.begin() as connection:
        lines = connection.execute(text("SHOW GRANTS FOR 'risk'@'%'")).scalars().all()
        connection.execute(text("DROP TABLE crypto_transactions.more"))
    assert not [one for one in lines if "GRANT OPTION" in one]
    assert made_again(users, administrator, "risk") == ([], [])


def test_a_missing_and_a_guessable_password_are_named(tmp_path):
    for user in USERS:
        (tmp_path / user).write_text(f"{PASSWORD}\n")
    assert read_passwords(tmp_path)["risk"] == PASSWORD
    (tmp_path / "signals").write_text("short")
    with pytest.raises(BadInput, match="signals holds fewer than 16"):
        read_passwords(tmp_path)
    (tmp_path / "signals").unlink()
    with pytest.raises(BadInput, match="signals: No such file"):
        read_passwords(tmp_path)
