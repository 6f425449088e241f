"""The floor below each elector: the same work as a raw loop on the store, which heeds no error and no deadline.

Each stands in line by `lead`, which returns when it leads, and hands over by `give_up`.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Consul", "Contender", "Etcd", "Flock", "Postgres", "Redis", "every"]


class Contender(Protocol):
    """A candidate of one election; used by one thread."""

    def lead(self) -> None:
        """Stand in line, and return when this one leads."""

    def give_up(self) -> None:
        """Hand over."""


def every(seconds: float, renew: Callable[[], object]) -> None:
    """Call *renew* for as long as the process lives."""

    def run() -> None:
        while not threading.Event().wait(seconds):
            renew()

    threading.Thread(target=run, daemon=True).start()


class Flock:
    """A lock of the kernel on a file."""

    def __init__(self, folder: str, name: str, ttl: float) -> None:
        self._path = f"{folder}/{name}.lock"
        self._file = -1

    def lead(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def give_up(self) -> None:
        os.close(self._file)


class Etcd:
    """A key for each candidate, over gRPC: each waits for the one before it to go."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        from incumbent_etcd._library import load

        library = load()
        self._rpc: Any = library.rpc
        channel = library.grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._kv, leases, self._watch = (
            self._rpc.KVStub(channel),
            self._rpc.LeaseStub(channel),
            self._rpc.WatchStub(channel).Watch,
        )
        self._lease = leases.LeaseGrant(self._rpc.LeaseGrantRequest(TTL=round(ttl))).ID
        self._prefix = f"{name}/".encode()
        self._key = f"{name}/{self._lease:x}".encode()

        def beats() -> Any:
            while not threading.Event().wait(ttl / 3):
                yield self._rpc.LeaseKeepAliveRequest(ID=self._lease)

        self._renewals = leases.LeaseKeepAlive(beats())

    def lead(self) -> None:
        put = self._rpc.PutRequest(key=self._key, value=b"floor", lease=self._lease)
        own = self._kv.Put(put).header.revision
        end = self._prefix[:-1] + b"0"  # what comes after the slash
        before = self._rpc.RangeRequest(
            key=self._prefix,
            range_end=end,
            max_create_revision=own - 1,
            sort_order=self._rpc.RangeRequest.DESCEND,
            sort_target=self._rpc.RangeRequest.CREATE,
            limit=1,
        )
        while (found := self._kv.Range(before)).kvs:
            self._wait_for_end(found.kvs[0].key, found.header.revision + 1)

    def give_up(self) -> None:
        self._kv.DeleteRange(self._rpc.DeleteRangeRequest(key=self._key))

    def _wait_for_end(self, key: bytes, revision: int) -> None:
        create = self._rpc.WatchCreateRequest(key=key, start_revision=revision)
        done = threading.Event()

        def requests() -> Any:
            yield self._rpc.WatchRequest(create_request=create)
            done.wait()

        call = self._watch(requests())
        for answer in call:
            if answer.events:
                break
        done.set()
        call.cancel()


class Consul:
    """A key for each candidate, in a session of its own: each waits for the one before it to go."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        from http.client import HTTPConnection

        self._requests, renewals = HTTPConnection(address), HTTPConnection(address)
        settings = {"TTL": f"{max(ttl, 10):g}s", "LockDelay": "0s", "Behavior": "delete"}
        self._session = _ask(self._requests, "PUT", "/v1/session/create", json.dumps(settings))[0]["ID"]
        self._folder, self._key = f"/v1/kv/{name}", f"/v1/kv/{name}/{self._session}"
        every(ttl / 3, lambda: _ask(renewals, "PUT", f"/v1/session/renew/{self._session}"))

    def lead(self) -> None:
        _ask(self._requests, "PUT", f"{self._key}?acquire={self._session}", "floor")
        while True:
            found, _ = _ask(self._requests, "GET", f"{self._folder}/?recurse&consistent")
            line = sorted(found, key=lambda entry: entry["CreateIndex"])
            place = [entry["Session"] for entry in line].index(self._session)
            if place == 0:
                return
            before, index = line[place - 1], line[place - 1]["ModifyIndex"]
            key = f"/v1/kv/{before['Key']}"
            while _is_there(answer := _ask(self._requests, "GET", f"{key}?index={index}&wait=10s")):
                index = answer[1]

    def give_up(self) -> None:
        _ask(self._requests, "DELETE", self._key)


def _is_there(answer: tuple[Any, str]) -> bool:
    return answer[0] is not None


def _ask(connection: Any, method: str, path: str, body: str | None = None) -> tuple[Any, str]:
    """Return the answer, None for 404, and its index."""
    connection.request(method, path, body)
    with connection.getresponse() as response:
        text = response.read()
        return None if response.status == 404 else json.loads(text), response.headers.get("X-Consul-Index", "0")


class Redis:
    """One key with a ttl, and a message to all when it goes."""

    RELEASE = """
    if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) redis.call('publish', KEYS[1], '') end
    """

    def __init__(self, address: str, name: str, ttl: float) -> None:
        import redis

        host, port = address.split(":")
        self._client = redis.Redis(host, int(port))
        self._name, self._id, self._life = name, uuid.uuid4().hex, round(ttl * 1000)
        self._news: Any = self._client.pubsub()
        self._news.subscribe(name)
        self._release = self._client.register_script(self.RELEASE)
        self._leads = False
        every(ttl / 3, self._renew)

    def lead(self) -> None:
        while not self._client.set(self._name, self._id, nx=True, px=self._life):
            self._news.get_message(timeout=self._life / 1000)
        self._leads = True

    def give_up(self) -> None:
        self._leads = False
        self._release(keys=[self._name], args=[self._id])

    def _renew(self) -> None:
        if self._leads:
            self._client.pexpire(self._name, self._life)


class Postgres:
    """An advisory lock, for which the server keeps the line."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        import psycopg

        self._connection = psycopg.connect(address, autocommit=True)
        self._name = name

    def lead(self) -> None:
        self._connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [self._name])

    def give_up(self) -> None:
        self._connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", [self._name])
