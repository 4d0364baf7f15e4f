"""The books of a million fills proven and worked out again: time, and memory that does not grow.

`BENCH_FILLS` makes it fewer, `BENCH_DATABASES` names one of the two, and `BENCH_BOOKS` a folder that keeps the SQLite file for the next
time. The command runs in a process of its own, as a person starts it; the books it looks at were written the way the portfolio writes them,
a batch in one transaction.
"""

import json
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, insert, update

from executor.tables import fills
from launcher.database import migrate
from portfolio.core.booking import booking_of
from portfolio.core.books import Booked, BooksPolicy, Holding, book, flat
from portfolio.core.ledger import entries_of
from portfolio.repository import books
from portfolio.repository.journal import Posted
from portfolio.tables import positions
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import ExitReason, Interval, Liquidity, Purpose, Side
from shared.domain.ids import ClientOrderId, Symbol, TradeId
from shared.domain.order import Fill
from tests.bench.figures import Figure
from tests.bench.markets import names
from tests.builders import ACCOUNT, CLOSED_AT
from tests.conftest import MariaDbServer

_MANY, _AT_ONCE, _SYMBOLS, _LOTS = 1_000_000, 2_000, 20, 6
_CASH = Decimal(10**12)
_MEGABYTE = 1024.0
_TARGETS = {"sqlite": 600.0, "mariadb": 600.0}


def measure() -> list[Figure]:
    many = int(os.environ.get("BENCH_FILLS", str(_MANY)))
    wanted = os.environ.get("BENCH_DATABASES", "sqlite mariadb").split()
    figures: list[Figure] = []
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        if "sqlite" in wanted:
            kept = os.environ.get("BENCH_BOOKS")
            home = folder if kept is None else Path(kept) / str(many)
            figures += _measured(DatabaseAddress(file=home / "trading.sqlite"), home, many)
        if "mariadb" in wanted:
            server = MariaDbServer(folder)
            server.start()
            held.callback(server.stop)
            figures += _measured(server.address, folder, many)
    return figures


def _measured(address: DatabaseAddress, home: Path, many: int) -> list[Figure]:
    """Measure the books of one database, written first unless a file of them was kept."""
    name = "sqlite" if address.is_embedded else "mariadb"
    if address.is_embedded and address.file.exists():
        return _proven(name, address, home, many, "written before")
    migrate(address)
    engine = connect(address)
    started = time.perf_counter()
    _fill(engine, many)
    written = f"written in {time.perf_counter() - started:.0f} s"
    engine.dispose()
    sys.stderr.write(f"  {many} fills in {name} {written}\n")
    return _proven(name, address, home, many, written)


def _proven(
    name: str, address: DatabaseAddress, home: Path, many: int, written: str
) -> list[Figure]:
    environment = {
        **os.environ,
        "TRADING_STATE_DIR": str(home),
        **({} if address.host is None else {
            "DB_HOST": address.host, "DB_PORT": str(address.port), "DB_USER": address.user,
        }),
    }  # fmt: skip
    few = _run(environment, "verify", "--json")
    assert few.document["agrees"], few.document
    assert few.document["fills"] == many
    engine = connect(address)
    with engine.begin() as connection:
        connection.execute(update(positions).values(fees=Decimal(7)))
    engine.dispose()
    again = _run(environment, "rebuild", "--yes", "--json")
    assert again.document["repaired"] == _SYMBOLS
    entries = few.document["entries"]
    beside = f"{few.worked:.0f} s of one core; {many:,} fills, {entries:,} entries, {written}"
    return [
        Figure(
            what=f"books verify, {name}",
            value=few.seconds,
            unit="s",
            target=_TARGETS[name] * many / _MANY,
            beside=beside,
        ),
        Figure(what=f"books verify, {name}: memory", value=few.megabytes, unit="MB", target=400.0),
        Figure(
            what=f"books rebuild, {name}",
            value=again.seconds,
            unit="s",
            target=_TARGETS[name] * many / _MANY,
            beside=f"{again.worked:.0f} s of one core, {again.megabytes:.0f} MB",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Ran:
    """`worked` are the seconds of one core that the process had of them all."""

    seconds: float
    worked: float
    megabytes: float
    document: dict[str, object]


def _run(environment: dict[str, str], *words: str) -> _Ran:
    """Run the command and weigh the process it was."""
    script = (
        "import json,resource,subprocess,sys;"
        "done=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE);"
        "used=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "worked=used.ru_utime+used.ru_stime;"
        "sys.stderr.buffer.write(f'{worked} {used.ru_maxrss}'.encode());"
        "sys.stdout.buffer.write(done.stdout)"
    )
    command = [sys.executable, "-c", "from launcher.cli import main; main()", "books", *words]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *command], env=environment, capture_output=True, check=True
    )
    seconds = time.perf_counter() - started
    worked, kilobytes = map(float, done.stderr.split()[-2:])
    return _Ran(seconds, worked, kilobytes / _MEGABYTE, json.loads(done.stdout))


def _fill(engine: Engine, many: int) -> None:
    policy = BooksPolicy(
        account=ACCOUNT, quote="USDT", opening_balance=_CASH, interval=Interval.M1, shard_count=1
    )
    symbols = [Symbol(name) for name in names(_SYMBOLS)]
    holdings = {symbol: flat(symbol) for symbol in symbols}
    chance = random.Random(7)
    for start in range(0, many, _AT_ONCE):
        batch: list[Fill] = []
        posted: list[Posted] = []
        booked: list[Booked] = []
        for number in range(start, min(start + _AT_ONCE, many)):
            symbol = chance.choice(symbols)
            fill = _traded(number, symbol, holdings[symbol], chance)
            booking = booking_of(fill, ExitReason.TARGET if fill.side is Side.SELL else None)
            after = book(holdings[symbol], booking)
            holdings[symbol] = after.holding
            batch.append(fill)
            booked.append(after)
            posted.append(Posted(booking, entries_of(booking)))
        with engine.begin() as connection:
            account = books.open_books(connection, policy, CLOSED_AT)
            books.save(connection, account, posted, booked, CLOSED_AT)
            rows = [
                {name: getattr(one, name) for name in one.__slots__}
                | {"recorded_at": one.filled_at}
                for one in batch
            ]
            connection.execute(insert(fills), rows)


def _traded(number: int, symbol: Symbol, holding: Holding, chance: random.Random) -> Fill:
    held = holding.position.quantity
    sells = bool(held) and (len(holding.lots) >= _LOTS or chance.random() < 0.5)
    quantity = Decimal(chance.randrange(1, 10**9)).scaleb(-6)
    if sells:
        quantity = held if chance.random() < 0.3 else min(quantity, held)
    price = Decimal(chance.randrange(10**4, 10**7)).scaleb(-4)
    return Fill(
        trade_id=TradeId(f"{symbol}:{number}"),
        client_order_id=ClientOrderId("0" * 36),
        account=ACCOUNT,
        venue="simulated",
        symbol=symbol,
        side=Side.SELL if sells else Side.BUY,
        purpose=Purpose.EXIT if sells else Purpose.ENTRY,
        quantity=quantity,
        price=price,
        reference_price=price,
        fee=Decimal(chance.randrange(1, 10**6)).scaleb(-6),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=CLOSED_AT + timedelta(milliseconds=number),
    )
