"""Any id of a decision leads to all of it: on the books of a platform that really traded."""

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, event, func, select, update

from executor.tables import fills, orders
from launcher.audit_view import prove
from launcher.report import report as write_report
from launcher.story import tell
from launcher.why import look, why
from portfolio.tables import round_trips
from recommender.tables import trade_recommendations
from risk.tables import risk_decisions, symbol_locks
from shared.bus.tables import event_log
from shared.db.audit import audit
from shared.db.control import control
from shared.db.engine import DatabaseAddress
from shared.domain.errors import BadInput, NotFound
from shared.http.key_names import checked_name
from shared.runtime.settings import PlatformSettings, load
from signals.tables import signals
from tests.acceptance.worlds import KILLED, SHORT_LIVED_TRADES, START, WARM, life
from tests.database import empty_database


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.long)])
def traded(request, tmp_path_factory):
    """A platform that has bought and sold, and the ids of one trade that has ended."""
    folder = tmp_path_factory.mktemp("traded")
    address = DatabaseAddress(file=folder / "trading.sqlite")
    if request.param == "mariadb":
        address = request.getfixturevalue("mariadb_server").address
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SHORT_LIVED_TRADES.items():
            patch.setenv(name, value)
        empty_database(address)
        drive = life(address, folder, WARM + KILLED)
        drive.run()
    yield SimpleNamespace(engine=drive.engine, settings=drive.settings)
    drive.close()


@pytest.fixture
def trade(traded):
    with traded.engine.connect() as connection:
        trip = connection.execute(
            select(round_trips).where(round_trips.c.closed_at.is_not(None)).limit(1)
        ).one()
        trade_id = trip.trip_id.split(":", 2)[2]
        fill = connection.execute(select(fills).where(fills.c.trade_id == trade_id)).one()
        order = connection.execute(
            select(orders).where(orders.c.client_order_id == fill.client_order_id)
        ).one()
        issued = connection.execute(
            select(trade_recommendations).where(
                trade_recommendations.c.recommendation_id == order.recommendation_id
            )
        ).one()
        deed = connection.execute(
            select(audit).where(audit.c.subject == order.client_order_id)
        ).first()
    return SimpleNamespace(
        trip=trip.trip_id,
        fill=fill.trade_id,
        order=order.client_order_id,
        at_venue=order.venue_order_id,
        decision=order.decision_id,
        recommendation=order.recommendation_id,
        signal=issued.signal_id,
        deed=f"{deed.chain}:{deed.seq}",
        symbol=order.symbol,
    )


WHOLE = [
    "candles.closed",
    "signal.aggregated",
    "recommendation.issued",
    "recommendation.approved",
    "order.submitted",
    "order.accepted",
    "order.filled",
    "position.changed",
    "ledger",
    "round trip",
    "audit",
]


@pytest.mark.parametrize(
    "kind",
    ["trip", "fill", "order", "at_venue", "decision", "recommendation", "signal", "deed"],
)
def test_any_id_leads_from_the_candle_to_the_result(traded, trade, kind):
    steps = tell(traded.settings, getattr(trade, kind))
    told = [step["what"] for step in steps]
    places = [told.index(what) for what in WHOLE]
    assert places == sorted(places)
    text = "\n".join(line for step in steps for line in step["lines"])
    assert "by limits version " in text
    assert f"{trade.symbol} " in text
    others = {"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"} - {trade.symbol}
    assert not any(other in text for other in others)
    commands = ["verdict.approved by risk", "order.taken_in by executor", "order.sent by executor"]
    assert all(command in text for command in commands)
    assert "ALTERED" not in text


def test_the_id_of_a_fact_leads_there_too(traded, trade):
    with traded.engine.connect() as connection:
        statement = select(event_log.c.event_id).where(
            event_log.c.topic == "order.filled", event_log.c.payload.contains(trade.fill)
        )
        identity = connection.execute(statement).scalar_one()
    assert "round trip" in [step["what"] for step in tell(traded.settings, identity)]


def test_every_verdict_every_signal_and_every_deed_can_be_traced(traded):
    with traded.engine.connect() as connection:
        verdicts = connection.execute(select(risk_decisions.c.decision_id).limit(12)).scalars()
        beliefs = connection.execute(select(signals.c.signal_id).limit(4)).scalars()
        deeds = connection.execute(select(audit.c.chain, audit.c.seq).limit(6)).all()
        wanted = [*verdicts, *beliefs, *(f"{row.chain}:{row.seq}" for row in deeds)]
    for one in wanted:
        assert tell(traded.settings, one)


def test_what_a_platform_that_traded_has_audited_is_proven_verdicts_and_all(traded):
    with traded.engine.connect() as connection:
        proof = prove(connection, None, lambda _done, _total: None)
        stored = connection.execute(select(func.count()).select_from(risk_decisions)).scalar_one()
    assert proof.is_whole, proof.findings
    assert proof.verdicts == stored > 0


def test_nobody_in_the_audit_could_be_mistaken_for_a_key(traded):
    """What acts by itself has a name that no key can have."""
    with traded.engine.connect() as connection:
        actors = set(connection.execute(select(audit.c.actor).distinct()).scalars())
    assert {"risk", "executor"} <= actors
    for actor in actors:
        with pytest.raises(BadInput):
            checked_name(actor)


def test_what_nobody_knows_is_not_found_without_reading_the_log(traded):
    statements = []
    from sqlalchemy import Engine

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with pytest.raises(NotFound):
            tell(traded.settings, "0" * 36)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert statements
    assert not any("LIKE" in statement for statement in statements)


def test_an_altered_verdict_is_told_as_altered_and_a_forgotten_log_is_told_from_rows(traded, trade):
    with traded.engine.begin() as connection:
        row = connection.execute(
            select(risk_decisions).where(risk_decisions.c.decision_id == trade.decision)
        ).one()
        changed = {**row.payload, "quantity": "999"}
        table = risk_decisions.c.decision_id == trade.decision
        connection.execute(update(risk_decisions).where(table).values(payload=changed))
        kept = connection.execute(select(event_log)).all()
        connection.execute(delete(event_log))
    try:
        steps = tell(traded.settings, trade.order)
    finally:
        with traded.engine.begin() as connection:
            connection.execute(update(risk_decisions).where(table).values(payload=row.payload))
            connection.execute(event_log.insert(), [dict(one._mapping) for one in kept])
    told = [step["what"] for step in steps]
    for what in ("signal", "recommendation", "verdict approved", "order", "fill", "ledger"):
        assert what in told
    text = "\n".join(line for step in steps for line in step["lines"])
    assert f"ALTERED: the verdict {trade.decision} is not the one that was audited" in text


def test_why_tells_each_instrument_from_what_is_stored(traded, trade, monkeypatch, capsys):
    settings = traded.settings
    monkeypatch.setattr("launcher.why.load", lambda _kind: settings)
    for symbol in settings.market.symbols:
        why(symbol)
        told = capsys.readouterr().out.splitlines()
        assert 2 <= len(told) <= 18
        assert told[0].startswith((f"{symbol}: an e", "Nothing was ever"))
    why(trade.symbol.lower(), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["symbol"] == trade.symbol
    assert document["known"]["verdict"]["symbol"] == trade.symbol
    with pytest.raises(BadInput, match="not traded here"):
        why("DOGE-USDT")


def test_why_tells_of_a_lock_and_of_a_halt(traded):
    symbol = traded.settings.market.symbols[0]
    row = {"account": traded.settings.account, "symbol": symbol, "reason": "news", "actor": "ada",
           "created_at": START, "expires_at": None}  # fmt: skip
    with traded.engine.begin() as connection:
        connection.execute(symbol_locks.insert(), [row])
        connection.execute(update(control).values(state="halt", actor="grace", reason="fire"))
    try:
        standing = look(traded.settings, symbol).standing
    finally:
        with traded.engine.begin() as connection:
            connection.execute(delete(symbol_locks))
            connection.execute(update(control).values(state="run"))
    assert standing.lock == "Locked against entries by ada: news."
    assert standing.state is not None
    assert "halt" in standing.state
    assert "by grace: fire" in standing.state


def test_the_report_tells_whose_trade_it_was_and_how_it_came_about(
    traded, trade, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "launcher.report.load",
        lambda kind: traded.settings if kind is PlatformSettings else load(kind),
    )
    write_report(out_file=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    with traded.engine.connect() as connection:
        trip = connection.execute(
            select(round_trips).where(round_trips.c.trip_id == trade.trip)
        ).one()
        order = connection.execute(
            select(orders).where(orders.c.client_order_id == trade.order)
        ).one()
    assert trip.decision_id == trade.decision
    assert trip.origin == order.source != ""
    assert f">{trip.origin}</th>" in page
    assert f"trading trace {trade.decision}" in page
    for told in ("candles.closed: ", "signal.aggregated: ", "recommendation.approved: "):
        assert told in page
