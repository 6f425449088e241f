"""
A stand-in for your server, so that everything works before you have put yours in its place.

A question is a line of JSON, and so is its answer. Claims end by the monotonic clock, which nobody sets; after a
restart each lasts its ttl once more. What must outlive a restart is in a file. Arguments: the port, and a folder, in
which the password is, and cert.pem and key.pem if it is to speak TLS.
"""

# CHANGE: this module goes when your server comes.

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Seconds between two looks for claims that have ended, and between two signs of life.
LOOK, ALIVE = 0.05, 1.0


class Elections:
    """Who leads, and the last token of each election; each method is one atomic step."""

    def __init__(self, path: Path) -> None:
        self._path = path
        saved = json.loads(path.read_text()) if path.exists() else {}
        self._tokens: dict[str, int] = saved.get("tokens", {})
        self._claims: dict[str, dict[str, Any]] = saved.get("claims", {})
        self._ends = {lock_id: time.monotonic() + claim["ttl"] for lock_id, claim in self._claims.items()}
        self.watchers: set[asyncio.StreamWriter] = set()

    def claim(self, lock_id: str, candidate: str, owner: str, ttl: float) -> int | None:
        present = self._present(lock_id)
        if present is None:
            self._tokens[lock_id] = token = self._tokens.get(lock_id, 0) + 1
            present = {"candidate": candidate, "owner": owner, "token": token, "since": time.time(), "ttl": ttl}
            self._claims[lock_id], self._ends[lock_id] = present, time.monotonic() + ttl
            self._changed(lock_id)
        return present["token"] if self.renew(lock_id, owner, ttl) else None

    def renew(self, lock_id: str, owner: str, ttl: float) -> bool:
        present = self._present(lock_id)
        if present is None or present["owner"] != owner:
            return False
        self._ends[lock_id] = time.monotonic() + ttl
        return True

    def release(self, lock_id: str, owner: str) -> bool:
        present = self._present(lock_id)
        return present is not None and present["owner"] == owner and self.drop(lock_id)

    def drop(self, lock_id: str) -> bool:
        """End a claim, whosever it is. The token stays: it must grow for ever (P4)."""
        was_there = self._claims.pop(lock_id, None) is not None
        self._changed(lock_id)
        return was_there

    def leader(self, lock_id: str) -> tuple[str | None, int | None, float | None]:
        present = self._present(lock_id)
        return (None, None, None) if present is None else (present["candidate"], present["token"], present["since"])

    async def look(self) -> None:
        """End claims, and give signs of life."""
        alive = time.monotonic()
        while True:
            await asyncio.sleep(LOOK)
            for lock_id in list(self._claims):
                self._present(lock_id)
            if time.monotonic() >= alive:
                alive += ALIVE
                self._tell({})

    def _present(self, lock_id: str) -> dict[str, Any] | None:
        if lock_id in self._claims and time.monotonic() >= self._ends[lock_id]:
            self.drop(lock_id)
        return self._claims.get(lock_id)

    def _changed(self, lock_id: str) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"tokens": self._tokens, "claims": self._claims}))
        draft.replace(self._path)
        self._tell({"changed": lock_id})

    def _tell(self, news: object) -> None:
        for writer in self.watchers:
            writer.write(json.dumps(news).encode() + b"\n")


async def main(port: int, folder: Path) -> None:
    """Serve until killed."""
    elections = Elections(folder / "elections.json")
    password = (folder / "password").read_text()
    steps: dict[str, Callable[..., object]] = {
        step.__name__: step
        for step in (elections.claim, elections.renew, elections.release, elections.drop, elections.leader)
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_known = False
        try:
            while line := await reader.readline():
                question = json.loads(line)
                what = question.pop("do")
                answer: dict[str, object] = {"ok": True}
                if what == "login":
                    is_known = question["password"] == password
                if not is_known:
                    answer = {"error": "wrong password"}
                elif what == "watch":
                    elections.watchers.add(writer)
                elif what != "login":
                    answer = {"ok": steps[what](**question)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            elections.watchers.discard(writer)
            writer.close()

    tls = None
    if (folder / "cert.pem").exists():
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    async with await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls):
        await elections.look()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
