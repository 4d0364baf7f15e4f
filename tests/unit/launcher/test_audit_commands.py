"""`trading audit ...` as a person types it: proof, list, heads kept elsewhere, a panic taken in."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from typer.testing import CliRunner

from launcher.audit_view import prove
from launcher.cli import application
from launcher.console import FAILED, USAGE
from shared.db.audit import Deed, append, audit, audit_heads, digest
from shared.db.engine import DatabaseAddress, connect
from tests.database import empty_database

AT = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    address = DatabaseAddress(file=tmp_path / "var" / "trading.sqlite")
    empty_database(address)
    engine = connect(address)
    yield engine
    engine.dispose()


@pytest.fixture
def trading(tmp_path):
    env = {"TRADING_STATE_DIR": str(tmp_path / "var"), "COLUMNS": "250"}

    def run(*words):
        asked = ["audit", *map(str, words)]
        return CliRunner().invoke(application(asked), asked, env=env)

    return run


def write(engine, chain, numbers):
    with engine.begin() as connection:
        append(
            connection,
            chain,
            [
                Deed(
                    actor="ada" if number % 2 else "risk",
                    action="limits.changed" if number % 2 else "verdict.denied",
                    subject=f"s-{number}",
                    detail={"number": number},
                    at=AT + timedelta(seconds=number),
                )
                for number in numbers
            ],
        )


def test_a_whole_audit_is_said_to_be_whole(engine, trading):
    assert "Nothing has been audited" in trading("verify").output
    write(engine, "risk", range(1, 6))
    write(engine, "executor", range(1, 3))
    answer = trading("verify", "--json")
    assert answer.exit_code == 0
    document = json.loads(answer.stdout)
    assert document["is_whole"]
    assert document["chains"] == {"executor": 2, "risk": 5}


def test_tampering_ends_with_1_and_names_chain_row_and_what_is_wrong(engine, trading):
    write(engine, "risk", range(1, 6))
    with engine.begin() as connection:
        connection.execute(update(audit).where(audit.c.seq == 3).values(detail={"number": 4}))
    answer = trading("verify")
    assert answer.exit_code == FAILED
    assert "risk: row 3 is not what was written" in answer.stderr
    assert "1 found" in answer.stdout
    found = json.loads(trading("verify", "--json").stdout)["findings"]
    assert [(one["chain"], one["seq"], one["flaw"]) for one in found] == [("risk", 3, "changed")]


def test_what_was_done_is_listed_newest_first_and_can_be_narrowed(engine, trading):
    write(engine, "risk", range(1, 6))
    assert trading("list").output.index("s-5") < trading("list").output.index("s-1")
    ours = json.loads(trading("list", "--actor", "ada", "--action", "limits", "--json").stdout)
    assert [one["seq"] for one in ours] == [5, 3, 1]
    (one,) = json.loads(trading("list", "--subject", "s-4", "--json").stdout)
    assert (one["chain"], one["action"], one["detail"]) == ("risk", "verdict.denied", {"number": 4})
    assert "Nothing like that" in trading("list", "--chain", "portfolio").output


def test_a_chain_written_anew_is_found_by_a_head_that_was_kept(engine, trading, tmp_path):
    write(engine, "risk", range(1, 6))
    kept = tmp_path / "heads.json"
    kept.write_text(trading("head", "--json").stdout)
    write(engine, "risk", range(6, 9))
    assert trading("verify", "--since-head", kept).exit_code == 0
    with engine.begin() as connection:  # everything anew, without the third, its hashes all right
        rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        connection.execute(delete(audit))
        connection.execute(delete(audit_heads))
        deeds = [
            Deed(
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                detail=row.detail,
                at=row.at,
            )
            for row in rows
        ]
        append(connection, "risk", deeds[:2] + deeds[3:])
    assert trading("verify").exit_code == 0
    answer = trading("verify", "--since-head", kept)
    assert answer.exit_code == FAILED
    assert "risk: row 5, its head when it was kept, has another hash now" in answer.stderr
    with engine.begin() as connection:
        connection.execute(delete(audit))
        connection.execute(delete(audit_heads))
    assert "is not there any more" in trading("verify", "--since-head", kept).stderr


def test_a_file_that_holds_no_heads_is_refused(engine, trading, tmp_path):
    file = tmp_path / "heads.json"
    file.write_text('{"heads": 7}')
    answer = trading("verify", "--since-head", file)
    assert answer.exit_code == USAGE
    assert "holds no heads" in answer.stderr
    assert trading("verify", "--since-head", tmp_path / "none.json").exit_code == USAGE


def test_the_journal_of_a_panic_is_taken_into_the_audit_once(engine, trading, tmp_path):
    journal = tmp_path / "panic-1.jsonl"
    lines = [{"at": "2024-01-01T00:00:00Z", "action": name} for name in ("begin", "cancel", "end")]
    journal.write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert "3 lines" in trading("import-panic", journal).output
    again = trading("import-panic", journal)
    assert again.exit_code == FAILED
    assert "already" in again.stderr
    shown = json.loads(trading("list", "--action", "panic", "--json").stdout)
    assert [one["action"] for one in shown] == ["panic.step"] * 3 + ["panic.imported"]
    assert shown[0]["detail"]["action"] == "end"
    assert trading("verify").exit_code == 0
    journal.write_text("no journal\n")
    assert trading("import-panic", journal).exit_code == USAGE


def test_the_proof_reports_its_progress_and_its_memory_does_not_grow(engine):
    peaks = []
    for rows in (10_000, 20_000):
        write_many(engine, rows)
        reported = []

        def report(done, total, into=reported):
            into.append((done, total))

        with engine.connect() as connection:
            tracemalloc.start()
            proof = prove(connection, None, report)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert proof.is_whole
        assert reported[-1] == (rows, rows)
        assert len(reported) == rows // 5_000 + 1  # and once when the verdicts are compared
    assert peaks[1] < 1.2 * peaks[0]


def write_many(engine, rows):
    """A long chain, written as fast as the database takes it."""
    with engine.begin() as connection:
        connection.execute(delete(audit))
        connection.execute(delete(audit_heads))
        last, found = "", []
        for seq in range(1, rows + 1):
            words = {"actor": "risk", "action": "verdict.denied", "subject": f"s-{seq}"}
            deed = Deed(**words, detail={"number": seq}, at=AT)
            last = digest("risk", seq, last, deed)
            found.append(
                {
                    **words,
                    "chain": "risk",
                    "seq": seq,
                    "detail": {"number": seq},
                    "at": AT,
                    "hash": last,
                }
            )
        connection.execute(insert(audit), found)
        connection.execute(insert(audit_heads), [{"chain": "risk", "seq": rows, "hash": last}])
