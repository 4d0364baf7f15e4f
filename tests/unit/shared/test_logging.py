"""Planted secrets come through none of the ways into the log."""

import subprocess

import pytest

from shared.http.keys import generate
from tests.conftest import REPOSITORY, python

PASSWORD = "correct-horse/battery"
_, KEY = generate("mock")
PRIVATE = "-----BEGIN EC PRIVATE KEY-----\nfirst-line-of-it\nsecond-line-of-it\n-----END EC PRIVATE KEY-----\n"

SAYING = f"""
import logging, sys
from shared.runtime.logging import configure, get_logger
configure(as_json={{as_json}}, secrets=("", "short", {PASSWORD!r}, {PRIVATE!r}))
log = get_logger()
log.info("said", password="in-a-field", inner={{{{"api_secret": "in-a-mapping"}}}}, key_id="shown-id")
log.info("said", many=[{{{{"token": "in-a-list"}}}}, ({{{{"passphrase": "in-a-tuple"}}}},)], numbers=(1, 2))
log.info("said", url="mysql://user:{PASSWORD}@host", text="short word")
log.info("said", text="a whole one: " + {PRIVATE!r})
def fail():
    local = "only-a-local"
    raise RuntimeError("refused {KEY}")
try:
    fail()
except RuntimeError:
    log.exception("failed")
    logging.getLogger("library").exception("failed too")
    caught = sys.exc_info()
logging.getLogger("library").error("failed later", exc_info=caught)
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_no_planted_secret_reaches_the_log(as_json):
    said = subprocess.run(
        [python(), "-W", "error", "-c", SAYING.format(as_json=as_json)],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stderr
    for secret in (
        "in-a-field",
        "in-a-mapping",
        "in-a-list",
        "in-a-tuple",
        PASSWORD,
        KEY,
        "only-a-local",
        "first-line-of-it",
        "second-line-of-it",
    ):
        assert secret not in said
    assert said.count("refused [redacted]") >= 3
    assert "failed too" in said
    assert "shown-id" in said
    assert "short word" in said


REPLACED = """
import io, sys
from shared.runtime.logging import configure, get_logger
log = get_logger()
sys.stderr = io.StringIO()
configure(as_json=True)
log.info("said.first")
sys.stderr.close()
sys.stderr = sys.__stderr__
log.info("said.second")
"""


def test_lines_go_where_standard_error_is_when_they_are_written():
    said = subprocess.run(
        [python(), "-W", "error", "-c", REPLACED],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stderr
    assert "said.second" in said
    assert "said.first" not in said
