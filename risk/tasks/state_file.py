"""Reads every second what a file asks of the trading state."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from risk.core.state_file import Wish, unclear, wish_of
from risk.core.trading_state import is_tighter
from risk.handlers.state import current_state
from risk.handlers.watch import Watch
from shared.bus.consumer import in_one_line
from shared.bus.unit_of_work import Transactions
from shared.db.engine import Outdated
from shared.runtime.logging import get_logger

_EVERY_SECONDS = 1.0
_LARGEST_BYTES = 4096

log = get_logger()


def read_wish(path: Path) -> Wish | None:
    """Return what a file asks for, None where there is none; what cannot be read is unclear."""
    try:
        if not path.is_file():
            return unclear("it is no file") if path.exists() else None
        with path.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:  # taken away between the look and the reading
        return None
    except OSError as error:
        return unclear(f"it cannot be read: {error.strerror}")
    if len(content) > _LARGEST_BYTES:
        return unclear(f"it has more than {_LARGEST_BYTES} bytes")
    try:
        return wish_of(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return unclear("it is no text")


@dataclass(slots=True)
class _Before:
    """What was read the last time."""

    wish: Wish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWatch:
    """What is unclear counts when it is read a second time: it may have been half written."""

    path: Path
    watch: Watch
    transactions: Transactions
    _before: _Before = field(default_factory=_Before)

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            self.round()
            stop.wait(_EVERY_SECONDS)

    def round(self) -> None:
        wish = read_wish(self.path)
        is_new, self._before.wish = wish != self._before.wish, wish
        if wish is None or (is_new and not wish.is_clear):
            return
        if is_new:
            log.info("state_file.read", file=str(self.path), state=wish.state, reason=wish.reason)
        try:
            self._heed(wish)
        except (SQLAlchemyError, Outdated) as error:
            # nothing is claimed without the database either
            log.warning("state_file.again", error=in_one_line(error))

    def _heed(self, wish: Wish) -> None:
        with self.transactions.read() as connection:
            state = current_state(connection, self.watch.opening.account)
        if not is_tighter(wish.state, state):
            return
        if not wish.is_clear:
            log.error("state_file.unclear", file=str(self.path), why=wish.reason)
        self.transactions.attempt(lambda uow: self.watch.heed(wish, uow))
