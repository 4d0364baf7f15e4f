"""Executors as processes of their own: started, watched, stopped in every impolite way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock

import requests

REPOSITORY = Path(__file__).parents[2]
_OURS = ("TRADING_", "DB_", "REDIS_", "EXECUTOR__", "MARKET__", "COINBASE_", "BINANCE_", "KUCOIN_")
KEY = "a1b2c3d4e5" * 4


class Nursery:
    """The process that forks executors (`tests.crash.nursery`)."""

    def __init__(self):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"], cwd=REPOSITORY, env=clean,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lock = Lock()

    def ask(self, **asked):
        with self._lock:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Executor:
    """One executor process; `recovery` is how long it took from its start to being ready."""

    def __init__(self, nursery, environment, log, port):
        self.log, self.port, self._nursery = log, port, nursery
        self.started_at = time.monotonic()
        self.recovery = None
        self.code = None
        self.pid = nursery.ask(start={**environment, "RIG_PORT": str(port)}, log=str(log))

    def ended(self):
        if self.code is None:
            self.code = self._nursery.ask(ended=self.pid)
        return self.code

    def send(self, number):
        if self.ended() is None:
            os.kill(self.pid, number)

    def arm(self):
        self.send(signal.SIGUSR1)

    def kill(self):
        self.send(signal.SIGKILL)
        self.dies()

    def dies(self, seconds=10.0):
        """Wait until it has been killed, which is how a crash point ends it."""
        deadline = time.monotonic() + seconds
        while self.ended() is None:
            assert time.monotonic() < deadline, f"it lives on:\n{self.words()}"
            time.sleep(0.01)
        assert self.code == -signal.SIGKILL, f"it ended with {self.code}:\n{self.words()}"

    def pauses(self, seconds=10.0):
        """Wait until it has been stopped, but lives."""
        deadline = time.monotonic() + seconds
        while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < deadline, f"it goes on:\n{self.words()}"
            time.sleep(0.01)

    def checks(self, seconds=1.0):
        """Return what its readiness says, by check; None where it does not answer."""
        try:
            answer = requests.get(f"{self.url}/health/ready", timeout=seconds)
        except requests.RequestException:
            return None
        return answer.json()["checks"]

    def problems(self):
        checks = self.checks()
        if checks is None:
            return {"http": "no answer"}
        return {name: said for name, said in checks.items() if said != "ok"}

    def ready(self, seconds=20.0):
        deadline = self.started_at + seconds
        while problems := self.problems():
            assert self.ended() is None, f"it ended with {self.code}:\n{self.words()}"
            assert time.monotonic() < deadline, f"not ready: {problems}\n{self.words()}"
            time.sleep(0.03)
        if self.recovery is None:
            self.recovery = time.monotonic() - self.started_at
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def post(self, path, document=None, **headers):
        told = {"X-TRADING-API-KEY": KEY, **headers}
        return requests.post(f"{self.url}{path}", json=document, headers=told, timeout=5)

    def words(self):
        return "\n".join(Path(self.log).read_text().splitlines()[-25:])
