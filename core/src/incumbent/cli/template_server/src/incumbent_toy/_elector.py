"""The contract, on the operations of the store: what knows of elections stands here, what knows the server there."""

from __future__ import annotations

import secrets

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    Claim,
    ConfigurationError,
    LeaderElector,
    LeaderRecord,
    no,
    yes,
)
from incumbent.toolkit import BackendBase, ElectorBase, Endpoint, join_info, read_switch, read_tls, refuse_plain_text

from ._news import News
from ._store import Store

PORT = 7000  # CHANGE: where your server listens if the URL names no port


class ToyBackend(BackendBase):
    """One way to reach one server, shared by all elections of the process that use the same URL."""

    contract_version = 1
    # CHANGE: what your store can do. The suite looks for what is claimed, and for what is concealed.
    capabilities = Capabilities(
        push=yes("the server tells of each change"),
        observe=yes(),
        candidates=no("only the leader is stored"),
        fencing_across_restarts=yes("the counters are on the server's disk"),
        expiry=yes("by the server's monotonic clock"),
        interoperates=no("no other tool takes part"),
        info=yes("behind the candidate's id"),
        listing=no("nobody has written that yet"),
        testament=no("nobody has written that yet"),
    )
    # CHANGE: the options of the URL, each with one line of help. Others are refused before the constructor is called.
    options = {
        "tls": "yes or no: encrypt (default: yes if any of ca, cert and key is given)",
        "ca": "file with the certificates that sign the server's (PEM; default: the system's)",
        "cert": "file with the certificate that is shown to the server (PEM)",
        "key": "file with the private key of cert (PEM)",
        "insecure": "yes or no: send the password unencrypted to another host (default: no)",
    }
    harness = "incumbent_toy.testing:ToyHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        # CHANGE: which parts of a URL your store needs. No I/O here, and no thread.
        super().__init__(address, settings)
        if len(address.hosts) != 1 or address.path:
            raise ConfigurationError(f"{address}: name one server, and no path: toy://host")
        ((host, port),) = address.hosts
        server = Endpoint(host, port or PORT)
        tls = read_tls("toy", address.options)
        insecure = read_switch("toy", "insecure", address.options.get("insecure"))
        if address.password is not None and not (tls.is_on or insecure):
            refuse_plain_text("toy", "the password", [server], "give tls=yes")
        self.store = Store(server, tls, address.username, address.password, settings.request_timeout)
        self.news = News(self.store, self.electors)

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        # CHANGE: refuse (`ConfigurationError`) a name or an id that your store would fold, cut or not take.
        return ToyElector(lock_id, candidate, self)

    def _begin(self) -> None:
        self.news.start()

    def _end(self) -> None:
        self.close_electors()
        self.news.stop()
        self.store.close()
        self.news.join(self.settings.request_timeout)


class ToyElector(ElectorBase):
    """One candidate of one election: what the verbs come down to."""

    def __init__(self, lock_id: str, candidate: str, backend: ToyBackend) -> None:
        super().__init__(lock_id, candidate, backend)
        self._settings = backend.settings
        self._store = backend.store
        self._name_anew()

    def _campaign(self) -> Claim | None:
        sent = self._settings.clock()  # before the request (P2)
        self._may_hold = True  # an error leaves open whether it was granted
        candidate = join_info(self.candidate, self.info)
        token = self._store.claim(self.lock_id, candidate, self._owner, self._settings.ttl)
        if token is None:
            self._name_anew()
            return None
        return Claim(token, self._settings.ttl, sent)

    def _renew(self, token: int) -> Claim | None:
        sent = self._settings.clock()
        if self._store.renew(self.lock_id, self._owner, self._settings.ttl):
            return Claim(token, self._settings.ttl, sent)
        self._name_anew()
        return None

    def _release(self, token: int) -> bool:
        was_mine = self._store.release(self.lock_id, self._owner)
        self._name_anew()
        return was_mine

    def _observe(self) -> LeaderRecord:
        return self._store.leader(self.lock_id)

    def _leave(self, *, is_late: bool) -> None:
        if self._may_hold:  # if the server does not answer, the claim expires
            self._store.release(self.lock_id, self._owner)

    def _name_anew(self) -> None:
        """Say who claims: not the candidate's id, which another may have too, and anew for each term."""
        self._owner = secrets.token_hex(8)
        self._may_hold = False
