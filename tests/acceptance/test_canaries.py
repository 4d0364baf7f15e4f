"""Secrets planted in every secret setting come out nowhere: not of logs, answers, metrics, commands.

The services run as processes of their own on MariaDB, and good, bad and broken things are asked of
them; then everything that was said anywhere is searched.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from typer.testing import CliRunner

from executor.settings import _KEY_SETTINGS
from launcher.assembly import BLUEPRINTS, PORTS
from launcher.cli import application
from launcher.client import _ClientSettings
from shared.db.base import metadata
from shared.db.engine import connect
from shared.http.auth import HEADER
from shared.runtime.settings import MarketSettings, PlatformSettings
from tests.conftest import REPOSITORY
from tests.database import empty_database

PRIVATE = "-----BEGIN EC PRIVATE KEY-----\\ncanary-of-a-line-one\\ncanary-of-a-line-two\\n-----END EC PRIVATE KEY-----\\n"
PLANTED = {
    "TRADING_API_KEYS": "admin:canary-of-the-admin-key-0123456789,read:canary-of-the-reading-key-0123456789",
    "TRADING_KEY_PEPPER": "canary-of-the-pepper-0123456789-0123456789",
    "TRADING_API_KEY": "canary-of-the-admin-key-0123456789",
    "DB_PASSWORD": "canary-of-the-database",
    "REDIS_PASSWORD": "canary-of-redis-000",
    "COINBASE_API_KEY": "organizations/1/apiKeys/canary-of-coinbase",
    "COINBASE_API_SECRET": PRIVATE,
    "COINBASE_API_PASSPHRASE": "canary-of-coinbase-passphrase",
    "BINANCE_US_API_KEY": "canary-of-binance-key",
    "BINANCE_US_API_SECRET": "canary-of-binance-secret",
    "BINANCE_US_API_PASSPHRASE": "canary-of-binance-passphrase",
    "KUCOIN_API_KEY": "canary-of-kucoin-key",
    "KUCOIN_API_SECRET": "canary-of-kucoin-secret",
    "KUCOIN_API_PASSPHRASE": "canary-of-kucoin-passphrase",
}
CANARY = "canary-of"
TYPED = "tk_mock_0a1b2c3d_" + "Typed-by-mistake-".ljust(43, "x")
ADMIN = "canary-of-the-admin-key-0123456789"
NO_REDIS = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "9"}
AT_NO_VENUE = {
    "TRADING_MODE": "paper",
    "EXECUTOR__VENUE": "kucoin",
    "EXECUTOR__VENUE_URL": "http://127.0.0.1:9",
}


def test_every_secret_setting_has_its_canary():
    """A new secret setting fails here until one is planted in it."""
    classes = [PlatformSettings, MarketSettings, _ClientSettings, *_KEY_SETTINGS.values()]
    classes += [one.settings for one in BLUEPRINTS]
    secret = {
        f"{told.model_config.get('env_prefix') or ''}{name}".upper()
        for told in classes
        for name, field in told.model_fields.items()
        if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))
    }
    assert secret == set(PLANTED)
    for told in classes:  # and nothing that is called a secret is kept as plain text
        for name, field in told.model_fields.items():
            is_named = any(word in name for word in ("secret", "password", "passphrase", "pepper"))
            assert not is_named or field.annotation is not str, name


@pytest.fixture
def planted(mariadb_server, tmp_path):
    """The environment of everything that runs, with a user of the database of its own."""
    empty_database(mariadb_server.address)
    engine = connect(mariadb_server.address)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE OR REPLACE USER canary IDENTIFIED BY 'canary-of-the-database'")
        )
        connection.execute(text("GRANT ALL ON *.* TO canary"))
    clean = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "NUMBA_CACHE_DIR")
    }
    yield (
        engine,
        {
            **clean,
            **PLANTED,
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(mariadb_server.port),
            "DB_USER": "canary",
            "TRADING_STATE_DIR": str(tmp_path / "state"),
            "TRADING_UNKNOWN_KEYS_PER_MINUTE": "3",
            "COLUMNS": "250",
        },
    )
    engine.dispose()


@contextmanager
def serving(name, environment, log, host):
    """Run `python -m <service>` on an address of its own until it was asked everything."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", name], cwd=REPOSITORY, stdout=words, stderr=words,
            stdin=subprocess.DEVNULL, env={**environment, "TRADING_BIND_HOST": host},
        )  # fmt: skip
    try:
        with httpx.Client(
            base_url=f"http://{host}:{PORTS[name]}", trust_env=False, timeout=20
        ) as client:
            _wait(client, process, log)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(client, process, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            if "start" not in client.get("/health/ready").json()["checks"]:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


@contextmanager
def renamed(engine, table):
    """Break whatever needs a table."""
    with engine.begin() as connection:
        connection.execute(text(f"RENAME TABLE {table} TO {table}_gone"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"RENAME TABLE {table}_gone TO {table}"))


def ask_everything(client, engine):
    """Return all that was said in answer; statuses show that the requests did what they were for."""
    admin = {HEADER: ADMIN}
    good = [client.get(path, headers=admin) for path in ("/limits", "/exposure", "/openapi.json")]
    probes = [client.get(path) for path in ("/health", "/metrics", "/docs")]
    bad = [
        client.get("/limits"),
        *(client.get("/limits", headers={HEADER: TYPED[:-1] + str(n)}) for n in range(5)),
        client.get(f"/decisions/{TYPED}", headers=admin),
        client.post("/halt", headers={HEADER: "canary-of-the-reading-key-0123456789"}, json={}),
        client.put("/limits", headers=admin, json={"version": ADMIN, "limits": ADMIN}),
        client.post("/halt", headers=admin, content=b'{"reason": "' + ADMIN.encode()),
        client.post("/locks", headers=admin, json={"symbol": PLANTED["KUCOIN_API_SECRET"]}),
    ]
    with renamed(engine, "crypto_transactions.risk_decisions"):
        broken = [client.get("/decisions", headers=admin)]
    with renamed(engine, "crypto_transactions.audit"):
        broken.append(client.post("/halt", headers=admin, json={"reason": "Typed-by-mistake"}))
    assert [one.status_code for one in good + probes] == [200] * 6
    assert {one.status_code for one in bad} == {401, 429, 404, 403, 422}
    assert [one.status_code for one in broken] == [500, 500]
    mistyped = [bad[6], *bad[8:]]  # whoever types a secret into the wrong field hears which text
    return [one for one in good + probes + bad + broken if one not in mistyped]


def said_by_commands(environment):
    """Return what every command that shows the configuration or keys has to say."""
    words = ""
    for asked in (
        ["config", "show"],
        ["config", "show", "--json"],
        ["config", "check"],
        ["doctor"],
        ["doctor", "--json"],
        ["keys", "list"],
        ["keys", "revoke", TYPED],
        ["status"],
    ):
        ran = CliRunner().invoke(application(asked), asked, env=environment)
        assert ran.output, asked
        words += ran.output
        wrong = {**environment, "DB_PASSWORD": "canary-of-a-wrong-password"}
        words += CliRunner().invoke(application(asked), asked, env=wrong).output
    return words


def kept_in(engine):
    with engine.connect() as connection:
        return "".join(
            str(connection.execute(select(table)).all()) for table in metadata.sorted_tables
        )


def test_no_canary_comes_out_of_anywhere(planted, tmp_path, worker_id):
    engine, environment = planted
    host = f"127.0.{200 + int(worker_id.removeprefix('gw') if worker_id != 'master' else 50)}.1"
    logs = [tmp_path / "risk.log", tmp_path / "executor.log"]
    with serving("risk", environment | NO_REDIS, logs[0], host) as client:
        answers = ask_everything(client, engine)
    with serving("executor", environment | AT_NO_VENUE, logs[1], host) as client:
        answers += [client.get(path, headers={HEADER: ADMIN}) for path in ("/venues", "/orders")]
        answers += [client.get(path) for path in ("/health/ready", "/metrics", "/openapi.json")]
        time.sleep(2)  # let it try to reach its venue
    told = {
        **{str(one.request.url): f"{one.headers} {one.text}" for one in answers},
        **{log.name: log.read_text() for log in logs},
        "commands": said_by_commands(environment),
        "tables": kept_in(engine),
    }
    assert "Traceback" in told["risk.log"]
    assert len(told["executor.log"]) > 200
    for where, words in told.items():
        assert CANARY not in words.replace("canary-of-a-wrong-password", ""), (
            where,
            _around(words, CANARY),
        )
        assert "Typed-by-mistake" not in words, (where, _around(words, "Typed-by-mistake"))
    assert "canary-of-a-wrong-password" not in told["commands"]


def _around(words, found):
    place = words.find(found)
    return words[max(place - 300, 0) : place + 120]
