"""The mock overlay as processes: every container as the manifests say, to its first fill."""

import base64
import re
import time
from dataclasses import replace

import httpx
import pytest
import yaml
from redis import Redis
from redis.exceptions import NoPermissionError
from sqlalchemy import create_engine, text

from launcher.assembly import NAMES, PORTS
from tests.kubernetes.cluster import Cluster, key_of
from tests.kubernetes.edges import allowed_edges
from tests.kubernetes.rendered import Rendered, needs_kubectl, overlay, pod_of, template_of

pytestmark = needs_kubectl


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(overlay("mock"), tmp_path)
    yield made
    made.close()


def first_fill(pod, key, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = httpx.get(
            pod.url("/fills"), headers={"X-TRADING-API-KEY": key}, timeout=10, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        if answer.json()["items"]:
            return
        time.sleep(0.25)
    raise AssertionError("no fill")


def test_the_mock_overlay_trades_with_what_its_manifests_say_and_nothing_else(cluster):
    services = [cluster.pod(one) for one in cluster.rendered.services()]
    assert {pod.container["args"][0] for pod in services} == set(NAMES)
    cluster.redis.start()
    for pod in services:  # before the database is there: each says what it waits for
        pod.run_first(240)
        pod.start(pod.container)
    for pod in services:
        pod.wait_for("startupProbe")
        assert "check DB_HOST" in pod.probe("readinessProbe").json()["checks"]["database"]
        assert pod.probe("livenessProbe").status_code == 200
    cluster.start_database()
    cluster.migrate()
    for pod in services:
        pod.wait_for("readinessProbe")
    executor = cluster.pods["executor"]
    first_fill(executor, key_of(cluster.rendered), 120)
    seen = {pod.name: pod.peers() for pod in services}
    for pod in services:
        scraped(pod)
    places = {place[key]: name for name, place in cluster.names.items() for key in place}
    edges = {name: {places.get(peer, peer) for peer in peers} for name, peers in seen.items()}
    assert edges == {pod.name: allowed_edges(cluster.rendered, pod.workload) for pod in services}
    assert {pod.name: pod.end() for pod in services} == {pod.name: 0 for pod in services}


def scraped(pod):
    """Ask for the metrics where the annotations say."""
    notes = template_of(pod.workload)["metadata"]["annotations"]
    assert notes["prometheus.io/scrape"] == "true"
    url = f"http://{pod.address}:{notes['prometheus.io/port']}{notes['prometheus.io/path']}"
    answer = httpx.get(url, timeout=10, trust_env=False)
    assert 'trading_mode_info{mode="mock"} 1.0' in answer.text


def changed(rendered, replaced):
    text = rendered.text
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return Rendered.of(text)


def test_an_unknown_setting_in_the_config_map_ends_with_78_and_its_name(tmp_path):
    told = changed(
        overlay("mock"), {"  TRADING_MODE: mock\n": "  TRADING_MODE: mock\n  TRADING_MOOD: bold\n"}
    )
    cluster = Cluster(told, tmp_path)
    try:
        pod = cluster.pod(told.documents["Deployment", "risk"])
        assert pod.start(pod.container).wait(60) == 78
        assert "TRADING_MOOD: no such setting" in pod.log
    finally:
        cluster.close()


def test_a_secret_without_the_key_that_is_needed_ends_with_78_and_the_name_of_its_file(tmp_path):
    whole = overlay("mock")
    secret = whole.documents["Secret", "risk-credentials"]
    secret = {**secret, "data": {"redis-password": secret["data"]["redis-password"]}}
    documents = {**whole.documents, ("Secret", "risk-credentials"): secret}
    told = Rendered.of(yaml.safe_dump_all(documents.values()))
    cluster = Cluster(told, tmp_path)
    try:
        pod = cluster.pod(told.documents["Deployment", "risk"])
        assert pod.start(pod.container).wait(60) == 78
        assert re.search(r"DB_PASSWORD_FILE=.*database-password", pod.log)
    finally:
        cluster.close()


def waits_for(pod, words):
    """Tell whether the pod lives, is not ready, and comes to give these words as the reason."""
    pod.wait_for("startupProbe")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = pod.probe("readinessProbe")
        if words in answer.json()["checks"].get("database", ""):
            return answer.status_code == 503 and pod.probe("livenessProbe").status_code == 200
        time.sleep(0.1)
    return False


def stamp(cluster, revision):
    """Write a revision of the schema; return the one before."""
    password = cluster.rendered.data("Secret", "mysql-root")["password"]
    engine = create_engine(replace(cluster.database.address, password=password).url())
    with engine.begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    engine.dispose()
    return before


def test_a_wrong_password_and_a_schema_of_a_later_release_are_reasons_and_no_trading(cluster):
    cluster.start_database()
    cluster.redis.start()
    cluster.migrate()
    pod = cluster.pod(cluster.rendered.documents["Deployment", "risk"])
    secret = pod.folder / "volumes" / "own" / "database-password"
    right = secret.read_text()
    secret.write_text("a password of somebody else")
    pod.start(pod.container)
    assert waits_for(pod, "check DB_USER and DB_PASSWORD")
    assert pod.end() == 0
    secret.write_text(right)
    before = stamp(cluster, "9999")
    pod.start(pod.container)
    assert waits_for(pod, "the schema is at 9999, this release knows it up to")
    stamp(cluster, before)
    pod.wait_for("readinessProbe")
    assert pod.end() == 0


def typed(cluster, console, *words):
    """Return how a command ends that somebody types in a console, and all that the pod has said."""
    pod = cluster.pod(cluster.rendered.documents["Deployment", console])
    ended = pod.start({**pod.container, "command": [], "args": ["trading", *words]}).wait(60)
    return ended, pod.log


def test_live_is_consented_to_where_the_keys_are_and_nowhere_else(tmp_path):
    secrets = {key: one for key, one in overlay("mock").documents.items() if key[0] == "Secret"}
    made_up = {name: base64.b64encode(b"made-up").decode() for name in ("api-key", "api-secret")}
    exchange = {"kind": "Secret", "metadata": {"name": "exchange-keys"}, "data": made_up}
    documents = [*overlay("live").documents.values(), *secrets.values(), exchange]
    cluster = Cluster(Rendered.of(yaml.safe_dump_all(documents)), tmp_path)
    try:
        cluster.start_database()
        cluster.redis.start()
        cluster.migrate()
        ended, said = typed(cluster, "console", "live", "enable", "--yes")
        assert (ended, "COINBASE_API_KEY" in said) == (78, True), said
        ended, said = typed(cluster, "exchange-console", "live", "enable", "--yes")
        assert ended == 0, said
        assert re.search(r"^TRADING_LIVE_CONFIRM=\w+", said, re.MULTILINE)
    finally:
        cluster.close()


def test_redis_lets_a_service_ring_and_nobody_administer(cluster):
    store = cluster.rendered.documents["StatefulSet", "redis"]
    (name,) = [one["configMap"]["name"] for one in pod_of(store)["volumes"] if "configMap" in one]
    told = cluster.rendered.data("ConfigMap", name)["redis.conf"].splitlines()
    assert "protected-mode no" in told  # a pod is asked from outside, and its users have passwords
    cluster.redis.start()
    password = cluster.rendered.data("Secret", "risk-credentials")["redis-password"]
    with Redis(port=cluster.redis.port, username="risk", password=password) as risk:
        assert risk.ping()
        assert risk.publish("trading:doorbell", "x") == 0
        for words in (
            ["CLIENT", "LIST"],
            ["CLIENT", "PAUSE", "1"],
            ["CONFIG", "GET", "*"],
            ["KEYS", "*"],
        ):
            with pytest.raises(NoPermissionError):
                risk.execute_command(*words)


def test_ports_are_the_agreed_ones():
    for one in overlay("mock").services():
        (container,) = template_of(one)["spec"]["containers"]
        module = container["args"][0]
        assert container["ports"] == [{"name": "http", "containerPort": PORTS[module]}]
        assert one["metadata"]["name"] == module.replace("_", "-")
