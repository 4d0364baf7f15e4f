"""compose.yaml: what it tells the platform, and what it lets in and out."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from launcher.assembly import BLUEPRINTS, NAMES, PORTS
from shared.runtime.settings import MarketSettings, Mode, PlatformSettings, load
from tests.conftest import REPOSITORY
from tests.kubernetes.composing import (
    COMPOSE,
    FOLDER,
    OURS,
    SERVICES,
    environment_of,
    make_secrets,
    told_here,
)

STORES = {"mysql", "redis"}
OF_OTHER_PROGRAMS = {"TRADING_HOST"}


def known_settings():
    classes = (PlatformSettings, MarketSettings, *(one.settings for one in BLUEPRINTS))
    return {
        f"{one.model_config.get('env_prefix', '')}{name}".upper()
        for one in classes
        for name in one.model_fields
    }


@pytest.fixture
def secrets(tmp_path):
    """A folder of freshly made secrets."""
    return make_secrets(tmp_path / "secrets")


@pytest.mark.parametrize("mode", ["mock", "paper"])
@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_there_is_and_can_be_used(name, mode, secrets, monkeypatch):
    told = environment_of(name, mode)
    assert set(told) <= known_settings() | OF_OTHER_PROGRAMS
    for setting, value in told_here(told, secrets).items():
        monkeypatch.setenv(setting, value)
    settings = load(PlatformSettings)
    sections = {one.name: load(one.settings) for one in BLUEPRINTS}
    sections["market_data"].refuse_in_mode(settings)
    assert settings.mode is Mode(mode)
    assert (settings.db_host, settings.redis_host) == ("mysql", "redis")
    assert len(settings.keys()) == 1
    assert len(settings.key_pepper()) == 64
    database, redis = (
        (secrets / f"{one}_password").read_text().strip() for one in ("database", "redis")
    )
    assert {database, redis} <= set(settings.secrets())
    assert settings.trading_bind_host == "0.0.0.0"


def test_there_is_no_way_to_live_from_here(tmp_path):
    for mode in ("live", "pap3r"):
        told = subprocess.run(
            [FOLDER / "up.sh"],
            env={**os.environ, "TRADING_MODE": mode},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 78
        assert "mock and paper" in told.stderr


def test_each_service_has_the_port_of_the_code_and_asks_itself_there():
    services = {one["command"][0]: one for one in OURS.values() if one["command"][0] in NAMES}
    assert set(services) == set(NAMES)
    for name, service in services.items():
        port = PORTS[name]
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert service["healthcheck"]["test"] == ["CMD", "healthcheck", str(port)]


def test_a_service_is_found_by_the_name_the_command_asks_for():
    """TRADING_HOST={service}: the name of the service, with dashes."""
    for name, one in OURS.items():
        if one["command"][0] in NAMES:
            assert name == one["command"][0].replace("_", "-")


def test_nothing_is_published_but_on_this_machine_and_the_stores_not_at_all():
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port), name
    for name in STORES:
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["stores"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}


def test_no_container_may_do_more_than_it_needs():
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        assert "privileged" not in service, name
        runs_once = service["restart"] == "no"
        assert runs_once != ("healthcheck" in service), name


def test_no_password_is_written_anywhere():
    files = [REPOSITORY / "compose.yaml", *(path for path in FOLDER.rglob("*") if path.is_file())]
    for path in files:
        for line in path.read_text().splitlines():
            found = re.search(
                r"(?i)(password|secret|pepper|api_key)\w*[:=]\s*[\"']?([^\s\"'\[{(]+)", line
            )
            if found is None or path.suffix == ".sh":
                continue
            assert found[2].startswith(("/run/secrets/", "var/compose/")) or "{file:" in line, (
                f"{path}: {line}"
            )
    for one in COMPOSE["secrets"].values():
        assert one["file"].startswith("var/compose/")
    assert "/var/" in (REPOSITORY / ".gitignore").read_text()


def test_the_key_that_signs_models_is_where_models_are_made_and_nowhere_else():
    holders = {
        name for name, one in SERVICES.items() if "model_signing_key" in one.get("secrets", [])
    }
    assert holders == {"model"}


def test_secrets_are_made_once_are_all_different_and_their_folder_is_its_owners(secrets):
    assert {path.name for path in secrets.iterdir()} == set(COMPOSE["secrets"])
    assert secrets.stat().st_mode & 0o777 == 0o700
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    assert len(set(before.values())) == len(before)
    (secrets / "key_pepper").unlink()
    (secrets / ".key_pepper").write_text("half of it")
    subprocess.run([FOLDER / "secrets.sh", secrets], check=True)
    after = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {"key_pepper"}
    assert len(after["key_pepper"].strip()) == 64


def test_what_is_waited_for_is_there_and_ends_or_tells_its_health():
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert healthy == ("healthcheck" in SERVICES[other]), (name, other)


def test_every_file_that_is_mounted_is_there():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).exists(), (name, source)
            else:
                assert source in COMPOSE["volumes"]


def test_prometheus_asks_every_service_and_knows_the_rules():
    document = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    (job,) = document["scrape_configs"]
    assert job["job_name"] == "trading"
    expected = {f"{name.replace('_', '-')}:{port}" for name, port in PORTS.items()}
    assert set(job["static_configs"][0]["targets"]) == expected
    mounted = [one.split(":")[1] for one in SERVICES["prometheus"]["volumes"]]
    assert set(document["rule_files"]) <= set(mounted)


def test_grafana_reads_the_dashboards_from_where_they_are_mounted():
    provider = yaml.safe_load((FOLDER / "grafana" / "dashboards.yaml").read_text())["providers"][0]
    mounted = {one.split(":")[1]: one.split(":")[0] for one in SERVICES["grafana"]["volumes"]}
    folder = REPOSITORY / mounted[provider["options"]["path"]]
    pages = list(folder.glob("*.json"))
    assert pages
    source = yaml.safe_load((FOLDER / "grafana" / "datasource.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    for page in pages:
        fixed = set(
            re.findall(r'"uid": "([a-z-]+)"', json.dumps(json.loads(page.read_text())["panels"]))
        )
        assert fixed <= {source["uid"]}, page


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
@pytest.mark.parametrize("mode", ["mock", "paper"])
def test_compose_itself_reads_it(mode):
    told = subprocess.run(
        ["docker-compose", "--file", "compose.yaml", "config", "--quiet"],
        cwd=REPOSITORY, env={**os.environ, "TRADING_MODE": mode}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
