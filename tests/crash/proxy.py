"""A TCP proxy before the database: it can lose the answer to a commit, the commit itself never."""

import socket
from threading import Event, Thread

_COMMIT = b"\x03COMMIT"
_HEADER = 4


class LosesACommitAnswer:
    """Passes everything on until, armed, a transaction that said `words` commits: then it cuts."""

    def __init__(self, port):
        self._target = port
        self._words = None
        self.has_cut = Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._open = []
        Thread(target=self._accept, daemon=True).start()

    def arm(self, *words):
        self._words = words

    def close(self):
        self._door.close()
        for one in self._open:
            one.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [client, server]
            lost = Event()
            Thread(target=self._up, args=(client, server, lost), daemon=True).start()
            Thread(target=self._down, args=(server, client, lost), daemon=True).start()

    def _up(self, client, server, lost):
        """Pass statements on; what one transaction has said is forgotten at its commit."""
        said = b""
        while data := _received(client):
            said += data
            if data[_HEADER:] == _COMMIT:
                words = self._words
                if words and all(word in said for word in words):
                    self._words = None
                    lost.set()
                said = b""
            _passed(server, data)
        _shut(server)

    def _down(self, server, client, lost):
        while data := _received(server):
            if lost.is_set():  # the server has committed and says so: nobody hears it
                self.has_cut.set()
                break
            _passed(client, data)
        _shut(client)
        _shut(server)


def _received(one):
    try:
        return one.recv(65_536)
    except OSError:
        return b""


def _passed(one, data):
    try:
        one.sendall(data)
    except OSError:
        _shut(one)


def _shut(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
