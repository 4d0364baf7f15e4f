"""Promotion, rollback and proof over REST, with models that were really trained."""

import json
import shutil
import time
from datetime import timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import select

from models.aliases import Role
from models.artifact import verify, write_release
from models.evaluation.promotion import PromotionRefused
from models.registry import Registry
from models.signing import ANY_UNSIGNED, new_key
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.audit import audit
from shared.domain.ids import Symbol
from shared.runtime.settings import Mode
from signal_generator.app import NAME
from signal_generator.repository.promotion import Promotions
from signal_generator.settings import SignalGeneratorSettings
from signal_generator.tables import ml_outcomes
from signal_generator.tasks import ModelWatch
from tests import challengers
from tests.challengers import gate
from tests.unit.signal_generator.conftest import START, SYMBOLS, TRADED
from tests.unit.signal_generator.desk import Desk

SOL = Symbol("SOL-USDT")


@pytest.fixture
def folder(models_dir, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(models_dir, root)
    return root


def champion_of(root, scope="SOLUSDT"):
    return challengers.champion_of(root, scope)


def challenger(root, verdict, days=1, signer=None):
    return challengers.challenger(root, "SOLUSDT", verdict, days, signer)


def shadowed(engine, release, champion, days=20, step=2, promised=0.5):
    """Store what became of a shadow's signals about SOL-USDT: every second one won."""
    rows = []
    for number in range(0, days * 24, step):
        at = START + timedelta(hours=number)
        for one, role, probability in (
            (release, "shadow", promised), (champion, "champion", 0.5),
        ):  # fmt: skip
            rows.append({
                "signal_id": f"{number:036d}", "release_id": one, "role": role, "symbol": SOL,
                "interval": "1h", "closed_at": at, "ended_at": at + timedelta(hours=9), "hit": 1,
                "gross": 0.01, "net": 0.01 if number % (2 * step) else -0.01,
                "probability": probability, "barrier_ratio": 0.02, "is_bet": True,
                "is_counted": True,
            })  # fmt: skip
    with engine.begin() as connection:
        connection.execute(ml_outcomes.insert(), rows)


def deeds(engine, *columns):
    """What the audit tells, but for the calls themselves."""
    found = rows(engine, audit, "action", *columns)
    return [tuple(told) for action, *told in found if action != "key.used"]


def rows(engine, table, *columns):
    with engine.connect() as connection:
        found = connection.execute(select(*(table.c[one] for one in columns)))
        return [tuple(row) for row in found]


def promoted_facts(engine):
    facts = rows(engine, event_log, "topic", "payload")
    said = [json.loads(payload) if isinstance(payload, (str, bytes)) else payload
            for topic, payload in facts if topic == "model.promoted"]  # fmt: skip
    return [(one["release_id"], one["role"]) for one in said]


def test_a_worse_model_is_refused_with_the_statistics(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion, is_passed=False))
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", {})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["reason"] == "gate_refused"
    assert said["detail"].startswith("It is so. Not met: earns per trade, days in shadow")
    assert said["conditions"][0] == {
        "name": "earns per trade", "group": "money", "is_met": False, "value": "0.041%",
        "limit": "above 0", "remedy": "trade where it costs less",
    }  # fmt: skip
    assert champion_of(folder) == champion
    assert deeds(sqlite_engine, "action") == []
    assert promoted_facts(sqlite_engine) == []


def test_a_better_model_speaks_at_once_and_everybody_knows_who_wanted_it(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    shadowed(sqlite_engine, new, champion)
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", {})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["aliases"] == {"champion": new, "previous": champion}
    assert said["unmet"] == []
    assert {one["name"]: one["value"] for one in said["conditions"]}[
        "days in shadow"
    ] == "19.9 days"
    assert desk.metric("model_info", symbol=SOL, release_id=new, role="champion") == 1
    assert desk.metric("model_info", symbol=SOL, release_id=champion, role="champion") is None
    assert promoted_facts(sqlite_engine) == [(new, "champion"), (champion, "previous")]
    (entry,) = deeds(sqlite_engine, "actor", "action", "subject", "detail")
    assert entry[:3] == ("configured-3", "model.promoted", new)
    assert (entry[3]["champion_before"], entry[3]["not_met"]) == (champion, [])


def test_the_first_of_a_scope_is_measured_against_the_base_rate_of_its_training(
    sqlite_engine, folder
):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    Registry(folder, trust=ANY_UNSIGNED).point("SOLUSDT", {Role.CHAMPION: None})
    for promised, status in ((0.6, 409), (0.5, 200)):
        with sqlite_engine.begin() as connection:
            connection.execute(ml_outcomes.delete())
        shadowed(sqlite_engine, new, champion, promised=promised)
        assert desk.ask("POST", f"/models/{new}/promote", "admin", {}).status_code == status


def test_a_shadow_that_was_worse_than_the_champion_waits(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    shadowed(sqlite_engine, new, champion, promised=0.6)
    said = desk.ask("POST", f"/models/{new}/promote", "admin", {}).json()
    assert said["reason"] == "gate_refused"
    (unmet,) = [one for one in said["conditions"] if not one["is_met"]]
    assert unmet["name"] == "as good as the champion in shadow"
    assert unmet["value"] == "Brier score 0.2600 against 0.2500, 240 shared labels"


def test_who_was_judged_against_another_champion_is_trained_again(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(None))
    shadowed(sqlite_engine, new, champion)
    said = desk.ask("POST", f"/models/{new}/promote", "admin", {}).json()
    assert said["reason"] == "judged_against_another"
    assert champion in said["detail"]
    assert "train again" in said["detail"]


def test_a_reason_overrides_the_gate_and_stays_in_the_audit(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion, is_passed=False))
    body = {"override": "dry run of the new horizon"}
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", body)
    assert answer.status_code == 200
    assert "earns per trade" in answer.json()["unmet"]
    ((detail,),) = deeds(sqlite_engine, "detail")
    assert detail["override"] == "dry run of the new horizon"
    assert {"name": "earns per trade", "value": "0.041%"} in detail["not_met"]


@pytest.mark.parametrize("reason", ["", "no", "x" * 201, 5, "two\nlines"])
def test_a_reason_that_is_none_is_bad_input(sqlite_engine, folder, reason):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion, is_passed=False))
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", {"override": reason})
    assert answer.status_code == 422
    assert champion_of(folder) == champion


def test_in_live_no_reason_overrides_anything(sqlite_engine, folder, tmp_path):
    signer = new_key(tmp_path / "key.pem")
    known = verify(folder / "SOLUSDT" / champion_of(folder), trust=ANY_UNSIGNED)
    shutil.rmtree(folder)
    write_release(folder, known.manifest, known.files, signer)
    Registry(folder, trust=ANY_UNSIGNED).point(
        "SOLUSDT", {Role.CHAMPION: known.manifest.release_id}
    )
    live = LiveDesk(sqlite_engine, folder, model_public_keys=(signer.public_text,))
    new = challenger(folder, gate(known.manifest.release_id, is_passed=False), signer=signer)
    answer = live.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "override_refused")
    assert answer.json()["conditions"]
    assert champion_of(folder) == known.manifest.release_id


class LiveDesk(Desk):
    def start(self):
        changes = {"trading_mode": Mode.LIVE, "allow_unsigned_models": False}
        self.platform = self.platform.model_copy(update=changes)
        super().start()


def test_nothing_overrides_a_changed_byte(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    booster = folder / "SOLUSDT" / new / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1] + b"!")
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "hash_mismatch")
    shown = desk.ask("GET", f"/models/{new}").json()
    assert shown["refusal"].startswith("hash_mismatch")
    assert shown["gate"] is None
    proof = desk.ask("POST", f"/models/{new}/verify", "admin").json()
    assert (proof["is_valid"], proof["reason"]) == (False, "hash_mismatch")
    assert desk.ask("GET", f"/models/{new}/report").status_code == 409
    assert champion_of(folder) == champion


def test_promoting_the_champion_again_changes_nothing(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    answer = desk.ask("POST", f"/models/{champion}/promote", "admin", {})
    assert answer.status_code == 200
    assert answer.json()["aliases"] == {"champion": champion}
    assert deeds(sqlite_engine, "action") == []


@pytest.mark.parametrize("name", ["SOL-USDT", "SOLUSDT"])
def test_rollback_takes_the_champion_back_and_only_once(sqlite_engine, folder, name):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    desk.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    answer = desk.ask("POST", f"/models/{name}/rollback", "admin")
    assert answer.status_code == 200, answer.text
    assert answer.json()["aliases"] == {"champion": champion, "retired": new}
    assert desk.metric("model_info", symbol=SOL, release_id=champion, role="champion") == 1
    assert desk.metric("model_info", symbol=SOL, release_id=new, role="champion") is None
    assert promoted_facts(sqlite_engine)[2:] == [(champion, "champion"), (new, "retired")]
    assert deeds(sqlite_engine, "action")[1:] == [("model.rolled_back",)]
    again = desk.ask("POST", f"/models/{name}/rollback", "admin")
    assert (again.status_code, again.json()["reason"]) == (409, "no_previous")
    back = desk.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    assert back.status_code == 200  # the same candle, the same roles: another fact


def test_a_rollback_to_what_cannot_be_proven_changes_nothing(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    desk.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    (folder / "SOLUSDT" / champion / "manifest.json").write_text("{}")
    answer = desk.ask("POST", "/models/SOL-USDT/rollback", "admin")
    assert (answer.status_code, answer.json()["reason"]) == (409, "unreadable_manifest")
    assert champion_of(folder) == new
    assert len(deeds(sqlite_engine, "action")) == 1


@pytest.mark.parametrize(
    ("name", "status"), [("GLOBAL", 409), ("NOPE-USDT", 404), ("sol_usdt", 422), (".lock", 422)]
)
def test_rollback_of_what_has_nothing_before_it_or_is_unknown(sqlite_engine, folder, name, status):
    answer = Desk(sqlite_engine, folder).ask("POST", f"/models/{name}/rollback", "admin")
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models/{}"), ("GET", "/models/{}/report"), ("POST", "/models/{}/verify"),
        ("POST", "/models/{}/promote"),
    ],
)  # fmt: skip
def test_an_unknown_release_is_not_found(sqlite_engine, folder, method, path):
    desk = Desk(sqlite_engine, folder)
    unknown = "SOLUSDT_full_dataset_cpu_xgboost_model_19990101_000000"
    for name in (unknown, "nonsense"):
        answer = desk.ask(method, path.format(name), "admin", {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")


def test_only_an_admin_changes_who_speaks(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    for path in (f"{champion}/promote", "SOL-USDT/rollback", f"{champion}/verify"):
        for scope, status in ((None, 401), ("read", 403), ("trade", 403)):
            assert desk.ask("POST", f"/models/{path}", scope, {}).status_code == status


def test_a_release_is_shown_with_its_verdict_its_figures_and_its_report(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    listed = {one["release_id"]: one for one in desk.ask("GET", "/models").json()["items"]}
    assert listed[champion]["roles"] == ["champion"]
    assert listed[new]["roles"] == ["challenger", "shadow"]
    assert listed[champion]["is_serving"]
    assert listed[champion]["expires_at"] > listed[champion]["created_at"]
    assert listed[champion]["gate_passed"] in {True, False}
    shown = desk.ask("GET", f"/models/{champion}").json()
    assert shown["gate"]["sentence"]
    assert shown["evaluation"]["auc_low"] <= shown["evaluation"]["auc"]
    assert shown["refusal"] is None
    assert desk.ask("POST", f"/models/{champion}/verify", "admin").json()["is_valid"]
    report = desk.ask("GET", f"/models/{champion}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-security-policy"].startswith("default-src 'none'")
    assert champion in report.text


class Killed(BaseException):
    """What a SIGKILL is to the code below it: no handler sees it."""


def killed_at(desk, root, phase):
    """A desk for promotions whose process dies at a commit, before or after it."""

    def die(_producer, at):
        if at == phase:
            raise Killed

    transactions = Transactions(desk.engine, desk.clock, desk.bell, NAME, die)
    registry = Registry(root, TRADED, trust=ANY_UNSIGNED)
    return Promotions(root=root, registry=registry, transactions=transactions, may_override=True)


@pytest.mark.parametrize(("phase", "kept"), [("before", 0), ("after", 1)])
def test_a_kill_leaves_the_old_champion_and_a_retry_completes_it(engine, folder, phase, kept):
    desk, champion = Desk(engine, folder), champion_of(folder)
    new = challenger(folder, gate(champion))
    with pytest.raises(Killed):
        killed_at(desk, folder, phase).promote(new, "owner", "dry run")
    assert champion_of(folder) == champion
    assert len(deeds(engine, "action")) == kept
    desk.start()
    answer = desk.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    assert answer.status_code == 200
    assert champion_of(folder) == new
    with pytest.raises(Killed):
        killed_at(desk, folder, phase).rollback("SOLUSDT", "owner")
    assert champion_of(folder) == new
    assert desk.ask("POST", "/models/SOL-USDT/rollback", "admin").status_code == 200
    assert champion_of(folder) == champion
    assert len(deeds(engine, "action")) == 2 + 2 * kept


def test_two_who_promote_at_once_are_judged_one_after_the_other(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    news = [challenger(folder, gate(champion), days=days) for days in (1, 2)]
    for new in news:
        shadowed(sqlite_engine, new, champion if new == news[0] else f"{champion}x")
    refused = []

    def promote(new):
        registry = Registry(folder, TRADED, trust=ANY_UNSIGNED)
        desks = Promotions(
            root=folder, registry=registry, transactions=desk.transactions(NAME), may_override=False
        )
        try:
            desks.promote(new, "owner")
        except PromotionRefused as error:
            refused.append((new, error.reason))

    threads = [Thread(target=promote, args=(new,)) for new in news]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((loser, reason),) = refused
    assert reason == "judged_against_another"
    assert champion_of(folder) == next(new for new in news if new != loser)


def test_another_process_follows_within_a_second(sqlite_engine, folder):
    here, there = Desk(sqlite_engine, folder), Desk(sqlite_engine, folder)
    assert SignalGeneratorSettings().refresh_seconds <= 0.5
    stop = Event()
    thread = Thread(target=there.service.tasks[0].run, args=(stop,))
    thread.start()
    new = challenger(folder, gate(champion_of(folder)))
    here.ask("POST", f"/models/{new}/promote", "admin", {"override": "dry run"})
    moved_at, seen = time.monotonic(), None
    while not seen and time.monotonic() < moved_at + 5:
        seen = there.metric("model_info", symbol=SOL, release_id=new, role="champion")
        time.sleep(0.01)
    taken = time.monotonic() - moved_at
    stop.set()
    thread.join()
    assert seen == 1
    assert taken < 1.5  # 0.5 s between looks, and room for a busy machine


def test_the_metric_shows_every_role_and_forgets_who_has_none(sqlite_engine, folder):
    desk, champion = Desk(sqlite_engine, folder), champion_of(folder)
    pooled = champion_of(folder, "GLOBAL")
    new = challenger(folder, gate(champion))
    registry = Registry(folder, TRADED, trust=ANY_UNSIGNED)
    watch = ModelWatch(registry, (*SYMBOLS, Symbol("XRP-USDT")), desk.service.metrics, desk.clock)
    watch.look()
    for role in ("challenger", "shadow"):
        assert desk.metric("model_info", symbol=SOL, release_id=new, role=role) == 1
    assert desk.metric("model_info", symbol="XRP-USDT", release_id=pooled, role="champion") == 1
    registry.point("SOLUSDT", {Role.CHALLENGER: None, Role.SHADOW: None})
    watch.look()
    for role in ("challenger", "shadow"):
        assert desk.metric("model_info", symbol=SOL, release_id=new, role=role) is None
    assert desk.metric("model_info", symbol=SOL, release_id=champion, role="champion") == 1
