"""What the first word makes of a container, and how it is asked whether it is well."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from launcher.assembly import NAMES
from tests.conftest import REPOSITORY, spare_port

ENTRYPOINT = REPOSITORY / "deploy" / "image" / "entrypoint.sh"
HEALTHCHECK = REPOSITORY / "deploy" / "image" / "healthcheck.py"


@pytest.fixture
def start(tmp_path):
    """Runs the entrypoint with programs that say how they were called."""
    programs, prepared = tmp_path / "bin", tmp_path / "prepared"
    programs.mkdir()
    (prepared / "features_1").mkdir(parents=True)
    (prepared / "features_1" / "step.nbi").write_text("compiled")
    for name in ("python", "trading"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" by $$\n')
        (programs / name).chmod(0o755)

    def run(*words, cache=tmp_path / "numba"):
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "NUMBA_CACHE_DIR": str(cache),
            "NUMBA_PREPARED_DIR": str(prepared),
        }
        with subprocess.Popen(
            [ENTRYPOINT, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            out, err = process.communicate(timeout=20)
        return process, out.strip(), err

    return run


@pytest.mark.parametrize("service", NAMES)
def test_the_name_of_a_service_starts_it_as_the_very_process(start, service):
    process, out, _ = start(service)
    assert process.returncode == 0
    assert out == f"python -m {service} by {process.pid}"  # signals reach it: it was exec'd


def test_the_command_keeps_its_words_as_they_are(start):
    process, out, _ = start("trading", "data", "check", "a b.csv")
    assert out == f"trading data check a b.csv by {process.pid}"


@pytest.mark.parametrize("words", [(), ("dashboard2",), ("sh",), ("-m",)])
def test_anything_else_is_refused_with_what_there_is(start, words):
    process, out, err = start(*words)
    assert (process.returncode, out) == (2, "")
    assert all(name in err for name in (*NAMES, "trading"))


def test_what_the_build_compiled_is_put_where_it_can_be_read_and_an_own_cache_is_kept(
    start, tmp_path
):
    start("risk")
    kept = tmp_path / "numba" / "features_1" / "step.nbi"
    assert kept.read_text() == "compiled"
    kept.write_text("newer")
    start("risk")
    assert kept.read_text() == "newer"


def test_without_a_writable_folder_it_says_what_to_mount(start):
    process, out, err = start("signal_generator", cache="/proc/numba")
    assert (process.returncode, out) == (78, "")
    assert "mount something writable" in err


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_container_is_healthy_when_its_service_is_ready(status, code):
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"status": "not_ready"}')

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        port = str(server.server_address[1])
        told = subprocess.run(
            [sys.executable, "-ISE", HEALTHCHECK, port], capture_output=True, text=True, check=False
        )
        thread.join()
    assert (told.returncode, asked) == (code, ["/health/ready"])
    assert "not_ready" in told.stdout


def test_a_service_that_does_not_answer_is_not_healthy():
    told = subprocess.run(
        [sys.executable, "-ISE", HEALTHCHECK, str(spare_port())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "refused" in told.stdout
