"""Records what the dashboard shows of four minutes of an election, for `docs/_ext/dashboard.py`, which draws it.

Three candidates on etcd, scraped by a real Prometheus: a hand-over that was asked for, a leader that is frozen for a
while, a server that does not answer for a while, a leader that is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from patience import eventually
from scraped import EXAMPLES, Prometheus, candidate, panels
from stores import EtcdStore

from incumbent.steer import hand_over

RECORDED = Path(__file__).parents[2] / "docs/_ext/recorded.json"
NAME, HOSTS = "service/reports", ("host-a", "host-b", "host-c")
#: Seconds: how long it is, and between two values that are kept.
LENGTH, STEP = 240, 2


def main() -> None:
    """Play it, and keep what was seen."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "etcd").mkdir()
        store = EtcdStore(folder / "etcd")
        stack.callback(store.close)
        wrappers, ports = {}, {}
        for host in HOSTS:
            wrappers[host], ports[host] = stack.enter_context(candidate(store.url, NAME, host))
        prometheus = Prometheus(folder, ports, (EXAMPLES / "alerts.yml").read_text())
        stack.callback(prometheus.stop)
        prometheus.start()

        def leader() -> str:
            return eventually(lambda: prometheus.now("incumbent_is_leader == 1"))[0]["metric"]["instance"]

        leader()
        began = time.time()

        def wait(until: float) -> None:
            time.sleep(max(0.0, began + until - time.time()))

        wait(40)
        to = next(host for host in HOSTS if host != leader())
        hand_over(store.url, NAME, to=to)
        wait(80)
        frozen = wrappers[leader()]
        os.kill(frozen.pid, signal.SIGSTOP)
        wait(110)
        os.kill(frozen.pid, signal.SIGCONT)
        wait(140)
        store.server.freeze()
        wait(148)
        store.server.thaw()
        wait(190)
        wrappers[leader()].kill()
        wait(LENGTH)
        keep(prometheus, began)


def keep(prometheus: Prometheus, began: float) -> None:
    """Write what each expression of the dashboard was in that time."""
    kept = []
    for panel in panels():
        for target in panel["targets"]:
            found = prometheus.ask("query_range", query=target["expr"], start=began, end=began + LENGTH, step=STEP)
            for series in found["result"]:
                legend = re.sub(
                    r"{{(\w+)}}", lambda label, s=series: s["metric"].get(label[1], ""), target["legendFormat"]
                )
                values = [[round(at - began), float(f"{float(value):.4g}")] for at, value in series["values"]]
                kept.append({"panel": panel["title"], "legend": legend, "values": [v for v in values if v[1] == v[1]]})
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in kept)
    RECORDED.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
