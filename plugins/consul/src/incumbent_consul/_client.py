"""Everything about the client library: what is used of it, and what its answers and errors mean.

python-consul and py-consul bring the same package `consul`. Of both, the classes that build requests and read answers
are used, on a transport of our own (see `_transport`); the class `Consul` itself is not, for `CONSUL_HTTP_ADDR` and
others override what its caller says. The token travels in a header: python-consul puts it into the query string, where
logs show it, and leaves it out where sessions are concerned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from incumbent import BackendUnavailableError, ElectionError

from ._connection import Answer, Connection, Request
from ._endpoint import Endpoint
from ._errors import SessionGoneError, check_session, is_missing, meaning, stranger, understood
from ._layout import SINCE, Pair, encoded, pairs_of, results_of, since_of, transaction
from ._library import load
from ._options import Options
from ._pool import Pool

__all__ = ["Client"]

T = TypeVar("T")

#: Operations that Consul 1.8 allows in one transaction.
MOST_OPERATIONS = 64


class Client:
    """Requests to one cluster. Thread-safe. Every method raises what `Pool.ask` does, and `BackendRejectedError`."""

    def __init__(self, settings: Options, timeout: float) -> None:
        self.settings = settings
        self.pool = Pool(settings.endpoints, timeout)
        self._loaded: SimpleNamespace | None = None
        #: Whether we may write since when a key is locked, as far as is known.
        self._may_tell = True

    # ------------------------------------------------------------ keys

    def get(self, key: str) -> Pair | None:
        """Read one key, consistently."""
        found = understood(lambda: pairs_of([self._api.kv.get(key)[1]], key))
        return found[0] if found else None

    def names(self, prefix: str) -> list[str]:
        """Read the names of all keys that begin with *prefix*, consistently."""
        found = self.request("GET", f"/v1/kv/{prefix}", params=[("keys", "1"), ("consistent", "1")])
        return understood(lambda: [str(key) for key in found or ()])

    def trees(self, prefixes: Sequence[str]) -> dict[str, Pair]:
        """Read all keys that begin with one of *prefixes*, consistently, with one request for each 64 prefixes."""
        found: dict[str, Pair] = {}
        for begin in range(0, len(prefixes), MOST_OPERATIONS):
            operations = [{"Verb": "get-tree", "Key": prefix} for prefix in prefixes[begin : begin + MOST_OPERATIONS]]
            answer = self.request("PUT", "/v1/txn", transaction(operations), [("consistent", "1")])
            pairs = understood(lambda answer=answer: results_of(answer))  # type: ignore[misc]
            found.update({pair.key: pair for pair in pairs})
        return found

    def get_many(self, keys: Sequence[str]) -> dict[str, Pair]:
        """Read those of *keys* that exist, consistently."""
        if len(keys) == 1:
            pair = self.get(keys[0])
            return {} if pair is None else {pair.key: pair}
        # In one transaction, `get` fails all for one that is missing; a tree may bring longer keys, but fails nobody.
        return {key: pair for key, pair in self.trees(keys).items() if key in keys}

    def lock(
        self, key: str, session: str, value: str, flags: int, *, modify_index: int, leave: str, since: float
    ) -> Pair | str:
        """
        Lock *key*, and remove the key *leave*, unless *key* has changed since *modify_index* (0: does not exist).

        A request that arrives late, when its sender has long given up, does nothing: the index is another by then.
        Told beside it, if we have the right, is *since* when it is locked, in seconds since the Unix epoch.

        Returns:
            The key as it is now, or why it is not locked.
        """
        check = {"Verb": "check-index", "Index": modify_index} if modify_index else {"Verb": "check-not-exists"}
        lock = {"Verb": "lock", "Session": session, "Flags": flags, "Value": encoded(value)}
        tell = {"Verb": "set", "Key": key + SINCE, "Value": encoded(since_of(session, since))}
        return self._transact([{**check, "Key": key}, {**lock, "Key": key}, {"Verb": "delete", "Key": leave}], tell)

    def unlock(self, key: str, session: str, flags: int, *, modify_index: int, remove: bool) -> Pair | str:
        """
        Unlock *key*, unless it has changed since *modify_index*, and *remove* it. See `lock`.

        Flags that are left out would become 0.
        """
        operations = [
            {"Verb": "check-index", "Key": key, "Index": modify_index},
            {"Verb": "unlock", "Key": key, "Session": session, "Flags": flags, "Value": ""},
        ]
        removal = [{"Verb": "delete", "Key": key}] if remove else []
        return self._transact([*operations, *removal], {"Verb": "delete", "Key": key + SINCE})

    def acquire(self, key: str, session: str, value: str, flags: int = 0) -> bool:
        """Lock *key* with *session*; False while another has it, or lock-delay is in force."""
        check_session(session)  # with an empty one, Consul would overwrite whatever is there
        data = value.encode("utf-8", "replace")
        return understood(lambda: self._api.kv.put(key, data, acquire=session, flags=flags) is True)

    def delete(self, key: str, modify_index: int | None = None) -> bool:
        """Remove *key*; with *modify_index*, only if it has not changed since."""
        return understood(lambda: self._api.kv.delete(key, cas=modify_index) is True)

    def watch(
        self, connection: Connection, key: str, *, recurse: bool, index: int, wait: float
    ) -> tuple[int, list[Pair]]:
        """Wait until *key*, or what is below it, has changed since *index*; for *wait* seconds at most."""
        milliseconds = f"{wait * 1000:.0f}ms"
        with self.pool.through(connection, wait + wait / 16 + self.pool.timeout):  # servers add up to a sixteenth
            answer = understood(
                lambda: self._api.kv.get(
                    key, index=index or None, wait=milliseconds, recurse=recurse, consistency="default"
                )
            )
        return understood(lambda: (int(answer[0]), pairs_of(answer[1] if recurse else [answer[1]])))

    # ------------------------------------------------------------ sessions

    def create_session(self, description: Mapping[str, object]) -> str:
        """Create a session, and return its id. Both libraries refuse a ttl below 10 s, which servers may grant."""
        answer = self.request("PUT", "/v1/session/create", json.dumps(description))
        session = understood(lambda: str(answer["ID"]))
        check_session(session)
        return session

    def renew_session(self, session: str) -> bool:
        """Renew; False if the session is gone."""
        check_session(session)
        missing = load().missing

        def renewed() -> bool:
            try:
                answer = self._api.session.renew(session)
            except (SessionGoneError, missing):
                return False
            return str(answer["ID"]) == session

        return understood(renewed)

    def destroy_session(self, session: str) -> None:
        """End the session; locks that it still has get a lock-delay."""
        check_session(session)  # it goes into the path as it is
        understood(lambda: self._api.session.destroy(session))

    def request(self, method: str, path: str, body: str = "", params: Sequence[tuple[str, str]] = ()) -> Any:
        """Ask what the libraries have no method for, and return the decoded JSON; None where there is nothing."""
        dc = [("dc", self.settings.dc)] if self.settings.dc else []
        answer = self._ask(method, path, [*params, *dc], body)
        if answer.code == 404:
            return None
        return understood(lambda: json.loads(answer.body) if answer.body.strip() else None)

    def _transact(self, operations: Sequence[Mapping[str, object]], telling: Mapping[str, object]) -> Pair | str:
        """
        Do all or nothing, and what is *telling* beside it unless we lack the right.

        Returns:
            The key of the first operation as it is now, or what the first refusal says.
        """
        told = [telling] if self._may_tell else []
        answer = self.request("PUT", "/v1/txn", transaction([*operations, *told]))
        refusal = understood(lambda: str(answer["Errors"][0]["What"]) if answer["Errors"] else None)
        if refusal is None:
            return understood(lambda: _only(results_of(answer), str(operations[0]["Key"])))
        if told and understood(lambda: answer["Errors"][0]["OpIndex"] == len(operations)):
            self._may_tell = False  # nothing else can be wrong with it
            return self._transact(operations, telling)
        if "invalid session" in refusal:
            raise SessionGoneError
        return refusal

    # ------------------------------------------------------------ the library, and the transport as it sees it

    def load(self) -> None:
        """Import the library, which is put off until the first call."""
        assert self._api

    @property
    def _api(self) -> SimpleNamespace:
        """The library's parts."""
        if self._loaded is None:
            base = load().base
            agent = SimpleNamespace(
                http=SimpleNamespace(get=self._get, put=self._put, delete=self._delete),
                token=None,
                dc=self.settings.dc,
                consistency="consistent",
                prepare_headers=lambda token=None: {},  # noqa: ARG005 - py-consul asks for it
            )
            # Nested in the class `Consul` in python-consul, beside it in py-consul.
            kv, session = (getattr(base.Consul, name, None) or getattr(base, name) for name in ("KV", "Session"))
            self._loaded = SimpleNamespace(kv=kv(agent), session=session(agent))
        return self._loaded

    def _get(self, callback: Callable[[Answer], T], path: str, params: Any = None, **_: object) -> T:
        return callback(self._ask("GET", path, params, b""))

    def _put(self, callback: Callable[[Answer], T], path: str, params: Any = None, data: Any = b"", **_: object) -> T:
        return callback(self._ask("PUT", path, params, data))

    def _delete(self, callback: Callable[[Answer], T], path: str, params: Any = None, **_: object) -> T:
        return callback(self._ask("DELETE", path, params, b""))

    def _ask(self, method: str, path: str, params: Any, data: str | bytes | None) -> Answer:
        target = quote(path, safe="/:") + (f"?{urlencode(params)}" if params else "")
        body = data.encode() if isinstance(data, str) else data or b""
        token = self.settings.token()
        headers = {} if token is None else {"X-Consul-Token": token}
        answer = self.pool.ask(Request(method, target, body, headers))
        if token is not None and token in answer.body:  # some servers and relays send back what they were sent
            answer = replace(answer, body=answer.body.replace(token, "***"))
        endpoint = self.pool.endpoint
        refused = answer.code == 409 and path == "/v1/txn"
        missing = answer.code == 404 and is_missing(answer, path)
        if answer.code != 200 and not refused and not missing:
            made = self._stranger(endpoint) if answer.code == 404 else meaning(endpoint, answer, method, path)
            is_fault = isinstance(made, BackendUnavailableError) and not isinstance(made, SessionGoneError)
            if is_fault and answer.code != 429:
                self.pool.move_from(endpoint)
            raise made
        return answer

    def _stranger(self, endpoint: Endpoint) -> ElectionError:
        """Ask who it is that has no such path; without the token, which is not for others."""
        answer = None
        with suppress(ElectionError):
            answer = self.pool.ask(Request("GET", "/version", b"", {}))
        return stranger(endpoint, answer)


def _only(pairs: Sequence[Pair], key: str) -> Pair:
    """Return *key* as the last of *pairs* has it; ValueError if that is not there, or others are that nobody wrote."""
    if not {pair.key for pair in pairs} <= {key, key + SINCE}:
        raise ValueError("keys of somebody else")
    return [pair for pair in pairs if pair.key == key][-1]
