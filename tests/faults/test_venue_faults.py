"""Eighteen faults x three venues x four operations x three kinds of orders, with the real executor.

Every cell runs an executor with all its threads on a database of its own against a simulated venue
of its own; the fault comes at the very moment of the operation. Then the venue is healthy again,
and the verdict is the oracle's: no order twice, none that we do not know, equal fills, nothing left
in doubt, and the fault was taken for what `golden.py` says.

For every change: two cells of each fault and venue (108, which meet every operation and kind).
In `make test-long`: all cells there can be (522; `golden.NOT_APPLICABLE` names the 126 others), and
all variants of a fault for what creates an order.
"""

import traceback
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import pytest

from shared.db.engine import DatabaseAddress
from tests.database import empty_database
from tests.faults.cell import OF_HASTE, Cell, empty_copy, started, trading_at
from tests.faults.golden import (
    FAULTS,
    NOT_APPLICABLE,
    OPERATIONS,
    ORDERS,
    VENUES,
    chosen,
    everything,
)
from tests.faults.quickly import quickly

AT_ONCE = 9


@pytest.fixture(autouse=True)
def hurry():
    with quickly():
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    file = tmp_path_factory.mktemp("empty") / "trading.sqlite"
    empty_database(DatabaseAddress(file=file))
    return file


def settings_of(operation, order):
    if order == "market":
        return {"exit_type": "market"}
    return {"time_in_force": "gtc"} if (operation, order) == ("cancel", "limit") else {}


def run(fault, cell, engine, folder, together):
    """Play one cell, with the others of its batch at the same time; return what went wrong."""
    venue, operation, order, variant = cell
    tls = folder / "tls" if fault == "tls_cut" else None
    settings = settings_of(operation, order)
    try:
        with trading_at(venue, engine, tls_folder=tls, **settings) as trading:
            started(trading)
            together()
            played = Cell(trading, fault, operation, order, variant)
            played.play()
            played.settle()
            played.judge()
    except BaseException as error:  # noqa: BLE001 - the batch says which cell it was
        return error
    return None


def told(fault, cell, error):
    venue, operation, order, variant = cell
    return f"{fault} at {venue}, {operation} of a {order} order ({variant}): {error!r}\n" + (
        "".join(traceback.format_exception(error)[-2:-1])
    )


def run_all(fault, cells, template, folder):
    """Play batches of cells; what haste may have caused is played once more, alone."""
    problems = []
    for start in range(0, len(cells), AT_ONCE):
        batch = cells[start : start + AT_ONCE]
        barrier = Barrier(len(batch))

        def together(barrier=barrier):
            barrier.wait(30)

        def play(number, cell, together=together):
            engine = empty_copy(template, folder / str(number))
            return run(fault, cell, engine, folder / str(number), together)

        with ThreadPoolExecutor(len(batch)) as pool:
            errors = list(pool.map(play, range(start, start + len(batch)), batch))
        for number, (cell, error) in enumerate(zip(batch, errors, strict=True), start):
            if isinstance(error, OF_HASTE):
                error = play(f"{number}-alone", cell, lambda: None)  # noqa: PLW2901
            if error is not None:
                problems.append(told(fault, cell, error))
    return problems


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_no_order_doubles_none_and_is_taken_for_what_it_is(fault, template, tmp_path):
    problems = run_all(fault, chosen(fault), template, tmp_path)
    assert not problems, "\n".join(problems)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_every_cell_of_the_matrix(fault, template, tmp_path):
    problems = run_all(fault, everything(fault), template, tmp_path)
    assert not problems, "\n".join(problems)


ON_MARIADB = ("reset_after_accept", "error_before", "garbage")
EACH_CHANGE = set(zip(VENUES, ON_MARIADB, strict=True))


@pytest.mark.parametrize(
    ("venue", "fault"),
    [
        pytest.param(*one, marks=() if one in EACH_CHANGE else pytest.mark.long)
        for one in product(VENUES, ON_MARIADB)
    ],
)
def test_on_mariadb_it_is_the_same(fault, venue, mariadb_engine, tmp_path):
    cell = (venue, "create", "limit", 0)
    error = run(fault, cell, mariadb_engine, tmp_path, lambda: None)
    assert error is None, told(fault, cell, error)


def test_the_matrix_has_as_many_cells_as_it_says():
    cells = [cell for fault in FAULTS for cell in chosen(fault)]
    assert len(FAULTS) == 18
    assert len(cells) == len(set(cells)) == 108
    met = {(operation, order) for _, operation, order, _ in cells}
    assert met == {(one, of) for one in OPERATIONS for of in ORDERS} - {("cancel", "market")}
    for fault in FAULTS:
        there_are = {cell[:3] for cell in everything(fault)}
        assert len(there_are) == 4 * 3 * 3 - len(NOT_APPLICABLE)
    assert len(NOT_APPLICABLE) * len(FAULTS) == 126
