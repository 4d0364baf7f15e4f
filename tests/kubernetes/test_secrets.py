"""Who is who, and who holds which secret."""

import re

import pytest

from launcher.grants import USERS
from tests.kubernetes.rendered import everywhere, needs_kubectl, overlay, pod_of

pytestmark = needs_kubectl

SECRETS_OF_LIVE = {
    *(f"{user.replace('_', '-')}-credentials" for user in USERS),
    "mysql-root",
    "platform-keys",
    "exchange-keys",
    "model-signing-key",
}


@everywhere
def test_everybody_has_an_account_and_database_and_redis_users_of_their_own(name):
    rendered = overlay(name)
    accounts = [pod_of(one)["serviceAccountName"] for one in rendered.services()]
    assert len(set(accounts)) == len(accounts)
    for workload in rendered.workloads():
        account = pod_of(workload)["serviceAccountName"]
        assert (
            rendered.documents["ServiceAccount", account]["automountServiceAccountToken"] is False
        )
    for workload in rendered.services():
        (container,) = pod_of(workload)["containers"]
        told = rendered.environment(container)
        module = container["args"][0]
        assert told["DB_USER"] == told["REDIS_USER"] == module
        (own,) = [one for one in pod_of(workload)["volumes"] if one["name"] == "own"]
        assert own["secret"]["secretName"] == f"{workload['metadata']['name']}-credentials"


def secrets_named(rendered):
    named = set()
    for workload in rendered.workloads():
        for volume in pod_of(workload).get("volumes", ()):
            if "secret" in volume:
                named.add(volume["secret"]["secretName"])
            for source in volume.get("projected", {}).get("sources", ()):
                named.add(source["secret"]["name"])
    return named


def test_mock_brings_all_its_secrets_and_they_say_that_they_are_none():
    rendered = overlay("mock")
    made = {one["metadata"]["name"] for one in rendered.all("Secret")}
    assert secrets_named(rendered) <= made
    for secret in made:
        for value in rendered.data("Secret", secret).values():
            assert "mock" in value


@pytest.mark.parametrize("name", ["paper", "live"])
def test_secrets_of_real_overlays_are_named_and_never_in_git(name):
    rendered = overlay(name)
    assert not rendered.all("Secret")
    wanted = SECRETS_OF_LIVE if name == "live" else SECRETS_OF_LIVE - {"exchange-keys"}
    assert secrets_named(rendered) == wanted


def test_the_keys_of_the_exchange_are_files_of_who_trades_and_who_consents_alone():
    rendered = overlay("live")
    keys = {}
    for one in rendered.workloads():
        if "exchange-keys" in str(pod_of(one)):
            (container,) = pod_of(one)["containers"]
            told = rendered.environment(container)
            assert not {name for name in told if re.search("API_(KEY|SECRET)$", name)}
            keys[one["metadata"]["name"]] = {k: v for k, v in told.items() if "/exchange/" in v}
    assert keys.keys() == {"executor", "exchange-console"}
    assert keys["executor"] == keys["exchange-console"] != {}
