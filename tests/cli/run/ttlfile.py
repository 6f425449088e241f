"""An elector for these tests: claims in a file, which expire, as those of a server do; it can fail on demand."""

import fcntl
import json
import os
from contextlib import contextmanager
from pathlib import Path

from incumbent import (
    Backend,
    BackendRejectedError,
    BackendUnavailableError,
    Capabilities,
    Claim,
    LeaderElector,
    hookimpl,
    no,
    yes,
)


class FileElector(LeaderElector):
    def __init__(self, lock_id, candidate, capabilities, directory, settings):
        super().__init__(lock_id, candidate, capabilities)
        self._directory, self._settings = directory, settings

    @contextmanager
    def _state(self):
        """Hand out the stored claim, and store what it has become."""
        if (self._directory / f"down-{self.candidate}").exists():
            raise BackendUnavailableError("the file server is down")
        if (self._directory / f"refused-{self.candidate}").exists():
            raise BackendRejectedError(f"the file server refuses {self.candidate}")
        file = os.open(self._directory / "claim", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = json.loads(os.pread(file, 4096, 0) or '{"token": 0, "candidate": null, "expires": 0}')
            if state["expires"] < self._settings.clock():
                state["candidate"] = None
            yield state
            os.truncate(file, 0)
            os.pwrite(file, json.dumps(state).encode(), 0)
        finally:
            os.close(file)

    def _claim(self, state):
        sent = self._settings.clock()
        state["expires"] = sent + self._settings.ttl
        return Claim(state["token"], self._settings.ttl, sent, testament=str(state["token"]))

    def acquire_leadership(self):
        with self._state() as state:
            if state["candidate"] is None:
                state["candidate"], state["token"] = self.candidate, state["token"] + 1
            return self._claim(state) if state["candidate"] == self.candidate else None

    def check_leadership(self):
        with self._state() as state:
            return self._claim(state) if state["candidate"] == self.candidate else None

    def relinquish_leadership(self):
        with self._state() as state:
            mine = state["candidate"] == self.candidate
            if mine:
                state["candidate"] = None
            return mine

    def execute(self, testament):
        with self._state() as state:
            is_there = state["candidate"] is not None and testament == str(state["token"])
            if is_there:
                state["candidate"] = None
            return is_there

    def close(self):
        pass


class FileBackend(Backend):
    contract_version = 1
    capabilities = Capabilities(
        push=no("a test"),
        observe=no("a test"),
        candidates=no("a test"),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=no("a test"),
        testament=yes(),
    )

    def __init__(self, address, settings):
        self._directory, self._settings = Path(address.path), settings

    def elector(self, lock_id, candidate):
        return FileElector(lock_id, candidate, self.capabilities, self._directory, self._settings)

    def execute(self, lock_id, testament):
        return self.elector(lock_id, "executor").execute(testament)

    def close(self):
        pass


@hookimpl
def incumbent_backend():
    return FileBackend
