"""The servers of the harness, of any version: they keep to their own ports, and end if they do not serve."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from incumbent import ConfigurationError
from incumbent.testing import ServerProcess
from incumbent_consul.testing import ConsulServer, consul_program, consul_version


def listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            sockets.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


def test_server_listens_on_its_own_ports_only(server):
    """Versions since 1.14 open another one by themselves, so that a second server could not start."""
    chosen = {server.configuration["ports"][port] for port in ("http", "server", "serf_lan")}
    assert listening(server.process.pid) == chosen


def test_server_that_does_not_serve_is_stopped(tmp_path, monkeypatch):
    """Whoever waits for it in vain has nothing left to end."""

    def wait_in_vain(_) -> None:
        raise RuntimeError("it does not serve")

    monkeypatch.setattr(ServerProcess, "wait_until_ready", wait_in_vain)
    made = ConsulServer(directory=tmp_path)
    with pytest.raises(RuntimeError, match="does not serve"):
        made.start()
    assert not made.process.running


def test_version_of_the_program():
    """It is read once, for it says what may be configured."""
    assert consul_version(consul_program()) >= (1, 8)


@pytest.mark.parametrize(("text", "rule"), [("echo Consul of Rome", "is not Consul"), (None, "cannot be run")])
def test_program_that_is_not_consul_is_refused(tmp_path, text, rule):
    """One line names the program."""
    program = tmp_path / "consul"
    if text is not None:
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    with pytest.raises(ConfigurationError, match=rule) as caught:
        consul_version(str(program))
    assert str(program) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
