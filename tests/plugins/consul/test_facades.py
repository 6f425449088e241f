"""The public doors: asyncio, the command line, and what the doctor says."""

from __future__ import annotations

import asyncio
import json
import subprocess

import consul_stage as stage
import pytest
from certificates import Authority

from incumbent import AsyncLeaderElection, BackendSettings, open_backend


def incumbent(*words: str) -> subprocess.CompletedProcess[str]:
    command = [*stage.INCUMBENT, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=stage.PATIENCE)


def test_asyncio(url, name):
    """An election awaited: one leads, leaves, and the other leads."""

    async def both() -> None:
        async with AsyncLeaderElection(stage.config(name), url) as first:
            term = await asyncio.wait_for(first.wait_for_leadership(), stage.PATIENCE)
            second = AsyncLeaderElection(stage.config(name), url)
            async with second:
                await first.close()
                after = await asyncio.wait_for(second.wait_for_leadership(), stage.PATIENCE)
                assert after.token > term.token

    asyncio.run(both())


def test_command_line(url, name):
    """`run` runs its command while leading, and `status` shows nobody afterwards."""
    done = incumbent("run", "--elector", url, "--name", name, "--ttl", "3", "--once", "--", "echo", "leading")
    assert (done.returncode, done.stdout) == (0, "leading\n"), done.stderr
    status = incumbent("status", "--elector", url, "--name", name, "--json")
    assert json.loads(status.stdout)["leader"] is None


def findings(url: str, ttl: float = 15.0) -> list[tuple[str, str]]:
    backend = open_backend(url, BackendSettings(ttl, 1.0))
    try:
        return [(finding.level, finding.text + finding.remedy) for finding in backend.diagnose()]
    finally:
        backend.close()


def test_doctor_finds_all_well(server, name):
    """`incumbent doctor` holds an election, and says what it found."""
    done = incumbent("doctor", f"consul://{server}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    version = server.ask("GET", "/v1/agent/self")["Config"]["Version"]
    for text in (
        "client library",
        f"Consul {version}",
        "can hand over",
        "200",
        "15 s and lock-delay 15 s",
        "40 to 45 s",
    ):
        assert text in done.stdout


def test_doctor_knows_the_limits_that_the_url_tells(server):
    """A ttl that only these servers grant, as the URL says, is no error of the doctor's."""
    done = incumbent("doctor", f"consul://{server}?session-ttl-min=2", "--ttl", "5", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_doctor_names_each_endpoint(server):
    """An endpoint that is dead is named, though another serves."""
    found = findings(f"consul://127.0.0.1:1,{server}")
    assert any(level == "error" and "127.0.0.1:1:" in text for level, text in found)
    assert any(level == "ok" and str(server) in text and "led by" in text for level, text in found)


def test_doctor_warns_of_a_short_lock_delay(server):
    """A lock-delay below the ttl makes claims shorter than the ttl."""
    assert any(
        level == "warning" and "at least the ttl" in text for level, text in findings(stage.url(server, lock_delay="5"))
    )


@pytest.mark.parametrize(("days", "level"), [(300, "ok"), (3, "warning"), (-3, "error")])
def test_doctor_sees_a_certificate_expire(server, tmp_path, days, level):
    """The end of the client's certificate is told before it comes."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("client", days=days)
    found = findings(stage.url(server, ca=str(authority.file), cert=str(cert), key=str(key)))
    assert any(which == level and "certificate" in text and "client.pem" in text for which, text in found)
    assert any(which == "error" and "TLS" in text for which, text in found)


def test_doctor_sees_a_server_without_a_leader(victim):
    """Servers without a leader are an error."""
    victim.process.kill()
    victim.configuration["bootstrap_expect"] = 3
    victim.empty()
    victim.start(wait=False)
    stage.eventually(lambda: any("no leader" in text for _, text in findings(stage.url(victim))))
