"""An application that PyInstaller has frozen, with nothing to tell it, has every elector that was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import etcd_stage
import postgres_stage
import pytest
import redis_stage
import server_binaries
from patience import PATIENCE

from incumbent.registry import installed
from incumbent_consul.testing import ConsulServer

APPLICATION = f"""
import sys
from incumbent import ElectorNotFoundError, LeaderElection, LeaderElectionConfig

for url in sys.argv[1:]:
    with LeaderElection(LeaderElectionConfig(lock_id="reports"), url) as election:
        assert election.wait_for_leadership(timeout={PATIENCE})
        print("leads on", url)
try:
    LeaderElection(LeaderElectionConfig(lock_id="reports"), "zookeeper://")
except ElectorNotFoundError as error:
    print(error)
"""


@pytest.fixture
def urls(tmp_path, monkeypatch):
    """Start a server for each elector that needs one, and return a URL for each elector."""
    for name in ("etcd", "consul", "postgres", "redis"):
        monkeypatch.setenv(f"INCUMBENT_{name.upper()}_BIN", str(server_binaries.find(name)))
    with ExitStack() as servers:
        etcd = etcd_stage.Etcd(tmp_path / "etcd")
        consul = ConsulServer(directory=tmp_path / "consul")
        postgres = postgres_stage.Postgres()
        for server in (etcd, consul, postgres):
            servers.callback(server.stop)
            server.start()
        redis = servers.enter_context(redis_stage.running(redis_stage.Server(tmp_path / "redis")))
        redis_stage.come_of_age(redis)
        yield [
            "memory://",
            f"local://{tmp_path}/elections",
            f"etcd://127.0.0.1:{etcd.port}",
            f"consul://127.0.0.1:{consul.port}",
            postgres.url,
            redis_stage.url(redis),
        ]


@pytest.mark.thorough
def test_frozen_application_leads_on_every_elector(urls, tmp_path):
    """Our hooks put the electors into it, with what they import by name only, and with their metadata."""
    (tmp_path / "app.py").write_text(APPLICATION)
    freeze = [sys.executable, "-m", "PyInstaller", "--log-level", "ERROR", "app.py"]
    environment = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path / "cache")}
    subprocess.run(freeze, cwd=tmp_path, env=environment, check=True, timeout=20 * PATIENCE)
    application = [tmp_path / "dist/app/app", *urls]
    done = subprocess.run(application, capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    schemes = ", ".join(row.name for row in installed())
    assert done.stdout.splitlines() == [
        *(f"leads on {url}" for url in urls),
        f"no elector 'zookeeper' is installed (installed: {schemes})",
    ], done.stderr
    assert (done.returncode, done.stderr) == (0, "")
