"""A small store over TCP: `python store.py PORT FILE [DELAY]`. A line of JSON asks, another answers.

It keeps claims by its own clock, and all that matters in FILE. It knows nothing of incumbent.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

#: Seconds between two looks at what has expired.
LOOK = 0.02
#: Seconds that a place in the queue outlives the session that has not come yet, or has gone before.
UNWATCHED = 2.0
#: Owners that have gone are remembered, so that what was sent before they went claims nothing: so many.
REMEMBERED = 10_000
#: What everybody is shown of a leader.
SHOWN = ("candidate", "token", "since", "owner", "note", "info")


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Elections:
    """What is stored: each request is one atomic step."""

    def __init__(self, file: Path):
        self.file = file
        stored = json.loads(file.read_text()) if file.exists() else {"token": 0, "claims": {}}
        self.token, self.claims = stored["token"], stored["claims"]
        #: Who waits: their ids, by election, session and owner. A session is a connection that watches.
        self.places = {}
        self.watching = set()
        self.gone = {}
        self.changed = set()

    def save(self):
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps({"token": self.token, "claims": self.claims}))
        draft.replace(self.file)

    def claim(self, election, owner, candidate, ttl, session=None, note=None, bound=False, info=None):
        """Give the election to *owner*, with *info* and a *note*; if it is *bound*, while the session lasts."""
        leader = self.claims.get(election)
        if leader is not None and leader["owner"] == owner:
            return self.renew(election, owner, ttl, note)
        if owner in self.gone:
            return {"granted": False}
        if leader is not None:
            self.places.setdefault(election, {})[owner] = candidate, session, now()
            return {"granted": False}
        self.token += 1
        self.places.get(election, {}).pop(owner, None)
        leader = {"owner": owner, "candidate": candidate, "token": self.token, "since": time.time(), "note": note}
        leader["info"] = info
        self.claims[election] = {**leader, "expires": now() + ttl, "bound": session if bound else None}
        self.tell(election)
        return {"granted": True, "token": self.token, "ttl": ttl}

    def renew(self, election, owner, ttl, note=None):
        leader = self.claims.get(election)
        if leader is None or leader["owner"] != owner:
            return {"granted": False}
        leader.update(expires=now() + ttl, note=note)
        self.save()
        return {"granted": True, "token": leader["token"], "ttl": ttl}

    def release(self, election, owner):
        """End what *owner* has, and never give it anything again."""
        self.gone[owner] = None
        if len(self.gone) > REMEMBERED:
            self.gone.pop(next(iter(self.gone)))
        self.places.get(election, {}).pop(owner, None)
        leader = self.claims.get(election)
        was_there = leader is not None and leader["owner"] == owner
        if was_there:
            self.end(election)
        return {"released": was_there}

    def show(self, election):
        leader = self.claims.get(election)
        waiting = [candidate for candidate, *_ in self.places.get(election, {}).values()]
        shown = leader and {name: leader[name] for name in SHOWN}
        return {"leader": shown, "waiting": waiting}

    def names(self, election):
        """Return the elections whose names begin with that one's."""
        known = {*self.claims, *self.places}
        return {"names": sorted(name for name in known if name.startswith(election))}

    def put(self, election, owner, candidate, ttl, token=None, info=None):
        """Write a claim, whoever has one; count its token, if none is given."""
        self.token = max(self.token, token or self.token + 1)
        token = token or self.token
        made = {"owner": owner, "candidate": candidate, "token": token, "since": time.time(), "note": None}
        made["info"] = info
        self.places.get(election, {}).pop(owner, None)
        self.claims[election] = {**made, "expires": now() + ttl, "bound": None}
        self.tell(election)
        return {"granted": True, "token": token, "ttl": ttl}

    def put_first(self, election, owner, candidate, ttl, token, info=None):
        """Write a claim with this token, if there is none."""
        if election in self.claims:
            return {"granted": False}
        return self.put(election, owner, candidate, ttl, token, info)

    def count(self, election):
        """Return a token that nobody has had."""
        self.token += 1
        return {"token": self.token}

    def last(self, election):
        """Return the last token."""
        return {"token": self.token}

    def forgive(self, owner):
        """Forget that *owner* has gone; for administrators."""
        self.gone.pop(owner, None)
        return {}

    def end(self, election):
        """End the leader's claim; for administrators."""
        if self.claims.pop(election, None) is not None:
            self.tell(election)
        return {}

    def delete(self, election):
        """Remove all of an election but the last token; for administrators."""
        self.places.pop(election, None)
        self.claims.pop(election, None)
        self.tell(election)
        return {}

    def tell(self, election):
        self.save()
        self.changed.add(election)

    def look(self):
        for election in [name for name, leader in self.claims.items() if leader["expires"] <= now()]:
            self.end(election)
        self.clear(lambda session, since: session not in {None, *self.watching} and now() > since + UNWATCHED)

    def clear(self, is_over):
        """Take the places away that are over, by their session, and since when they are there."""
        for places in self.places.values():
            for owner in [owner for owner, (_, session, since) in places.items() if is_over(session, since)]:
                del places[owner]

    def leave(self, session):
        self.watching.discard(session)
        self.clear(lambda other, _: other == session)
        for election in [name for name, leader in self.claims.items() if leader["bound"] == session]:
            self.end(election)


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.unread = b""
        self.is_known = False
        #: What a connection is called on which changes are told.
        self.session = None


class Server:
    def __init__(self, port, elections, delay):
        self.elections = elections
        self.delay = delay
        self.selector = selectors.DefaultSelector()
        self.connections = set()
        #: Lines to be sent later: when, in which order, where.
        self.later = []
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def serve(self):
        while True:
            for key, _ in self.selector.select(LOOK if not self.later else min(LOOK, 0.002)):
                if key.data is None:
                    self.accept()
                else:
                    self.read(key.data)
            self.elections.look()
            self.tell()
            while self.later and self.later[0][0] <= now():
                _, _, connection, line = heapq.heappop(self.later)
                self.send(connection, line)

    def accept(self):
        sock, _ = self.listener.accept()
        connection = Connection(sock)
        self.connections.add(connection)
        self.selector.register(sock, selectors.EVENT_READ, connection)

    def read(self, connection):
        try:
            part = connection.sock.recv(65536)
        except OSError:
            part = b""
        *lines, connection.unread = (connection.unread + part).split(b"\n")
        for line in lines:
            answer = self.answer(connection, json.loads(line))
            self.elections.look()
            self.tell()
            self.put(connection, answer)
        if not part:
            self.drop(connection)

    def drop(self, connection):
        if connection in self.connections:
            self.connections.discard(connection)
            self.selector.unregister(connection.sock)
            connection.sock.close()
            if connection.session is not None:
                self.elections.leave(connection.session)

    def answer(self, connection, request):
        verb = request.pop("do")
        if verb == "hello":
            connection.is_known = request["user"] != "nobody"
            return {"welcome": True} if connection.is_known else {"refused": "nobody may do anything"}
        if not connection.is_known:
            return {"refused": "say hello first"}
        if verb == "watch":
            connection.session = request["session"]
            self.elections.watching.add(connection.session)
            return {"watching": True}
        if verb == "ping":
            return {"pong": True}
        self.elections.look()
        return getattr(self.elections, verb)(**request)

    def tell(self):
        changed, self.elections.changed = self.elections.changed, set()
        for election in changed:
            for connection in [connection for connection in self.connections if connection.session is not None]:
                self.put(connection, {"changed": election})

    def put(self, connection, message):
        line = json.dumps(message).encode() + b"\n"
        if self.delay:
            self.count += 1
            heapq.heappush(self.later, (now() + self.delay, self.count, connection, line))
        else:
            self.send(connection, line)

    def send(self, connection, line):
        try:
            connection.sock.sendall(line)
        except OSError:
            self.drop(connection)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        Server(int(sys.argv[1]), Elections(Path(sys.argv[2])), float((*sys.argv, "0")[3])).serve()
