"""compose.yaml as tests read it, and what it tells each container of the platform."""

import subprocess

import yaml

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "compose"
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "crypto-trading-engine" in one["image"]}


def environment_of(name, mode="mock"):
    """What the container of that name is told."""
    service = OURS[name]
    told = {}
    for path in service["env_file"]:
        file = REPOSITORY / path.replace("${TRADING_MODE:-mock}", mode)
        lines = [line for line in file.read_text().splitlines() if line and line[0] != "#"]
        told.update(line.split("=", 1) for line in lines)
    return told | service.get("environment", {})


def told_here(told, secrets):
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in told.items()}


def make_secrets(folder):
    subprocess.run([FOLDER / "secrets.sh", folder], check=True)
    return folder
