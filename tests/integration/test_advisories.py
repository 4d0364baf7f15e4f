"""The audit of what is locked: an advisory fails it, silence of the service is said aloud."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.advisories import LOCK, ask, report

FLAWED = "httpx"


class AdvisoryService(BaseHTTPRequestHandler):
    """Speaks as OSV does: knows one flaw, of one package."""

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["content-length"])))
        flaw = {
            "id": "TEST-2026-1",
            "summary": "a flaw",
            "published": "2026-01-01T00:00:00Z",
            "affected": [{"package": {"name": FLAWED, "ecosystem": "PyPI"}, "ranges": []}],
        }
        answer = {"vulns": [flaw]} if query["package"]["name"] == FLAWED else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), AdvisoryService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{server.server_port}"]
    server.shutdown()
    server.server_close()


def lock(tmp_path, *names):
    """A few entries of the real lock."""
    entries = LOCK.read_text().replace(" \\\n    ", " ").splitlines()
    chosen = [one for one in entries if one.split("==")[0] in names]
    path = tmp_path / "some.lock"
    path.write_text("\n".join(chosen) + "\n")
    return path


def test_an_advisory_fails_the_audit_and_is_named(tmp_path, service):
    found = ask(lock(tmp_path, FLAWED, "anyio"), service)
    code, said = report(found, strict=False)
    assert (code, found.asked) == (1, 2)
    assert "TEST-2026-1" in said
    assert FLAWED in said


def test_packages_without_an_advisory_pass(tmp_path, service):
    found = ask(lock(tmp_path, "anyio", "idna"), service)
    assert report(found, strict=True) == (0, "No advisory speaks against the 2 packages locked.")


def test_a_service_that_does_not_answer_fails_nothing_but_is_said_aloud(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    away = ["--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:9"]
    found = ask(lock(tmp_path, "anyio"), away)
    code, said = report(found, strict=False)
    assert code == 0
    assert "NOTHING WAS CHECKED" in said
    assert report(found, strict=True)[0] == 1
