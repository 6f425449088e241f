"""A correct elector on the zoo's store, as a stranger would write it. Each step that can be got wrong is a method."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress

from incumbent import (
    Backend,
    BackendRejectedError,
    BackendUnavailableError,
    Capabilities,
    Claim,
    ConfigurationError,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    one_line,
    yes,
)

from .client import Client, RefusedError, StoreError, Watch


class ZooElector(LeaderElector):
    """One candidate of one election."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(lock_id, candidate, backend.capabilities)
        self.backend = backend
        self.key = lock_id
        self.owner = self.new_owner()
        self.token = None
        self.its_info = None
        self.is_closed = False

    def acquire_leadership(self):
        self.backend.refuse_fork()
        self.backend.listen(self)
        sent = self.clock()
        return self.granted(self.claim(), sent)

    def check_leadership(self):
        self.refuse_without_claim()
        sent = self.clock()
        return self.granted(self.renew(), sent) or self.lost()

    def relinquish_leadership(self):
        self.refuse_without_claim()
        was_mine = self.release()["released"]
        self.lost()
        return was_mine

    def observe_leadership(self):
        self.backend.refuse_fork()
        self.backend.listen(self)
        return self.record(self.ask("show"))

    def close(self):
        if not self.is_closed and self.backend.is_ours():
            self.is_closed = True
            self.backend.forget(self)
            with suppress(StoreError, RefusedError):
                if self.backend.has_asked:
                    self.release_at_the_end()

    # ------------------------------------------------------------ steps

    def clock(self):
        return self.backend.settings.clock()

    def ttl(self):
        """Return the seconds for which the claim is to be kept."""
        return self.backend.settings.ttl

    def claim(self):
        fields = {"owner": self.owner, "candidate": self.candidate, "session": self.backend.session}
        return self.ask("claim", ttl=self.ttl(), **fields)

    def renew(self):
        return self.ask("renew", owner=self.owner, ttl=self.ttl())

    def release(self):
        return self.ask("release", owner=self.owner)

    def release_at_the_end(self):
        self.backend.client.ask("release", election=self.key, owner=self.owner)

    def granted(self, answer, sent):
        """Return the claim that the store has answered with, if it has."""
        if not answer["granted"]:
            return None
        self.token = answer["token"]
        return Claim(self.token, self.guarantee(answer), sent, testament=self.testament())

    def testament(self):
        """Return what ends this term: its owner has no other."""
        return self.owner

    def guarantee(self, answer):
        """Return for how long the store keeps the claim."""
        return answer["ttl"]

    def lost(self):
        """Name the next term anew: what was sent for this one must not meet it."""
        self.token = None
        self.owner = self.new_owner()

    def new_owner(self):
        return secrets.token_hex(8)

    def record(self, answer):
        leader = answer["leader"]
        if leader is None:
            return LeaderRecord(self.lock_id, None, None, candidates=tuple(answer["waiting"]))
        candidates = (leader["candidate"], *answer["waiting"])
        return LeaderRecord(
            self.lock_id, leader["candidate"], leader["token"], leader["since"], candidates, leader["info"]
        )

    def tell(self):
        """Return what is told of this candidate: that of the beginning of the term, as long as it lasts."""
        if self.token is None:
            self.its_info = self.info
        return self.its_info

    def refuse_without_claim(self):
        self.backend.refuse_fork()
        if self.token is None:
            raise InvalidStateError

    def ask(self, do, **fields):
        """Ask the store once about this election, in the contract's words; with a claim goes what is told of us."""
        self.backend.refuse_fork()
        if do in {"claim", "put", "put_first"}:
            fields["info"] = self.tell()
        return self.backend.ask(do, election=self.key, **fields)

    def changed(self):
        self.notify()


class ZooBackend(Backend):
    """One way to reach one store."""

    contract_version = 1
    capabilities = Capabilities(
        push=yes(),
        observe=yes(),
        candidates=yes(),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=yes("whoever speaks to the store"),
        info=yes(),
        listing=yes(),
        testament=yes(),
        ttl_range=(0.5, 3600.0),
    )
    harness = "zoo.harness:ZooHarness"
    elector_class = ZooElector
    client_class = Client
    watch_class = Watch

    def __init__(self, address, settings):
        shortest, longest = self.capabilities.ttl_range
        if not shortest <= settings.ttl <= longest:
            raise ConfigurationError(f"ttl {settings.ttl:g}: must lie between {shortest:g} and {longest:g} seconds")
        if len(address.hosts) != 1 or address.hosts[0][1] is None:
            raise ConfigurationError(f"{address}: name one host and its port, as in zoo://127.0.0.1:7000")
        self.url = address
        self.settings = settings
        ((host, port),) = address.hosts
        password = address.password.reveal() if address.password else ""
        self.client = self.client_class(host, port, address.username or "", password, settings.request_timeout)
        self.session = secrets.token_hex(8)
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.electors = set()
        self.watch = None
        self.has_asked = False
        self.is_closed = False

    def __repr__(self):
        return f"<{type(self).__name__} {self.url}>"

    def elector(self, lock_id, candidate):
        return self.elector_class(self, lock_id, candidate)

    def elections(self, limit):
        self.refuse_fork()
        return self.names(limit)

    def names(self, limit):
        return self.ask("names", election="")["names"][:limit]

    def execute(self, lock_id, testament):
        self.refuse_fork()
        return self.ask("release", election=lock_id, owner=testament)["released"]

    def close(self):
        if not self.is_closed and self.is_ours():
            self.is_closed = True
            self.client.close()
            if self.watch is not None:
                self.watch.close()

    def ask(self, do, **fields):
        """Ask the store once, and map what the client raises."""
        self.has_asked = True
        try:
            return self.client.ask(do, **fields)
        except StoreError as error:
            raise BackendUnavailableError(one_line(f"{self.url}: {error}")) from error
        except RefusedError as error:
            raise BackendRejectedError(one_line(f"{self.url}: {error}")) from error

    # ------------------------------------------------------------ forks

    def is_ours(self):
        return os.getpid() == self.pid

    def refuse_fork(self):
        if not self.is_ours():
            raise InvalidStateError("a forked child: open a backend of its own")

    # ------------------------------------------------------------ news

    def listen(self, elector):
        """Let *elector* hear of changes from now on."""
        with self.lock:
            if not elector.is_closed and not self.is_closed:
                self.electors.add(elector)
            if self.watch is None:
                self.watch = self.watch_class(self.client, self.session, self.settings.ttl, self.changed)

    def forget(self, elector):
        with self.lock:
            self.electors.discard(elector)

    def changed(self, election):
        """Tell all electors of that election; of any, if it is None."""
        with self.lock:
            told = [elector for elector in self.electors if election in {None, elector.key}]
        for elector in told:
            elector.changed()
