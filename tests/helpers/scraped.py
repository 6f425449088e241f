"""A real Prometheus, and real candidates of `incumbent run --http` for it to scrape."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import server_binaries
from patience import ANSWERED
from programs import started

from incumbent.testing import ServerProcess, free_port

__all__ = ["EXAMPLES", "Prometheus", "candidate", "panels", "promtool"]


EXAMPLES = Path(__file__).parents[2] / "docs/examples/prometheus"


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard, with expressions that need no Grafana."""
    text = (EXAMPLES / "dashboard.json").read_text()
    return json.loads(text.replace("$__rate_interval", "1m").replace("$election", ".*"))["panels"]


def promtool(*words: str) -> str:
    """Run it beside the examples, and return what it says; fail with that if it finds something."""
    command = [server_binaries.find("prometheus").with_name("promtool"), *words]
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def candidate(elector: str, name: str, candidate: str, *options: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """Run a command that does nothing while it leads; yield the wrapper, and the port where it answers."""
    port = free_port()
    words = ["--elector", elector, "--name", name, "--id", candidate, "--http", f":{port}", *options]
    command = [sys.executable, "-m", "incumbent", "run", *words, "--", "sleep", "infinity"]
    with started(*command, stdin=subprocess.DEVNULL) as process:
        yield process, port


class Prometheus(ServerProcess):
    """Scrapes ports of this machine every second, by the names of their instances, and judges by *rules* as often."""

    def __init__(self, folder: Path, ports: Mapping[str, int], rules: str) -> None:
        self.port = free_port()
        (folder / "rules.yml").write_text(rules)
        targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}} for name, port in ports.items()]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yml")],
            "scrape_configs": [{"job_name": "reports", "static_configs": targets}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # which is YAML too
        super().__init__(
            [
                server_binaries.find("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            ready=self._is_ready,
            log=folder / "log",
        )

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=ANSWERED) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def ask(self, what: str, **parameters: object) -> Any:
        """Return the data of `/api/v1/WHAT`."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(url, timeout=ANSWERED) as answer:
            return json.load(answer)["data"]

    def now(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that *expression* has at this moment, each with its `metric` and `value`."""
        return self.ask("query", query=expression)["result"]

    def firing(self) -> set[tuple[str, str]]:
        """Return the names and elections of the alerts that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {(a["labels"]["alertname"], a["labels"]["election"]) for a in alerts if a["state"] == "firing"}
