"""What other client libraries offer for the same purpose, used as their own documentation shows it."""

from __future__ import annotations

import logging
import uuid

from .floors import every

__all__ = ["ConsulLoop", "EtcdLock", "SherlockRedis", "TooLock"]

#: Seconds after which who has missed the news asks again: it happens to python-etcd3.
AGAIN = 2


class EtcdLock:
    """python-etcd3's `Lock`, which is not renewed by itself."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        from incumbent_etcd._library import load

        host, port = address.split(":")
        self._lock = load().etcd3.client(host, int(port)).lock(name, round(ttl))
        self._leads = False
        every(ttl / 3, lambda: self._leads and self._lock.refresh())

    def lead(self) -> None:
        while not self._lock.acquire(timeout=AGAIN):
            pass
        self._leads = True

    def give_up(self) -> None:
        self._leads = False
        self._lock.release()


class ConsulLoop:
    """The loop that users of python-consul write: a session, a key, and a blocking query."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        import consul

        host, port = address.split(":")
        self._client, renewing = consul.Consul(host, int(port)), consul.Consul(host, int(port))
        self._session = self._client.session.create(ttl=max(round(ttl), 10), lock_delay=0)
        self._name = name
        every(ttl / 3, lambda: renewing.session.renew(self._session))

    def lead(self) -> None:
        index = None
        while not self._client.kv.put(self._name, "python-consul", acquire=self._session):
            found = self._client.kv.get(self._name, index=index, wait="60s")
            index = found[0] if found[1] is not None and "Session" in found[1] else None

    def give_up(self) -> None:
        self._client.kv.put(self._name, "", release=self._session)


class SherlockRedis:
    """sherlock's lock on Redis, which is not renewed."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        import redis
        import sherlock

        host, port = address.split(":")
        self._lock = sherlock.RedisLock(name, client=redis.Redis(host, int(port)), expire=round(ttl), timeout=3600)
        self._leads = False
        every(ttl / 3, lambda: self._leads and self._lock.renew())

    def lead(self) -> None:
        self._lock.acquire()
        self._leads = True

    def give_up(self) -> None:
        self._leads = False
        self._lock.release()


class TooLock:
    """tooz's lock, on whatever it has a driver for."""

    def __init__(self, address: str, name: str, ttl: float) -> None:
        from tooz import coordination

        logging.disable()
        coordinator = coordination.get_coordinator(address, uuid.uuid4().hex.encode())
        coordinator.start(start_heart=True)
        self._lock = coordinator.get_lock(name.encode())

    def lead(self) -> None:
        self._lock.acquire()

    def give_up(self) -> None:
        self._lock.release()
