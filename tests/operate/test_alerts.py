"""The alerts and the dashboard that the documentation offers, in a real Prometheus that scrapes real candidates."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import ExitStack

import pytest
from patience import eventually
from scraped import EXAMPLES, Prometheus, candidate, panels, promtool
from soak import STORES

pytestmark = pytest.mark.operate

#: Where a frozen leader keeps its claim for as long as this test takes: for ever, or the longest ttl that Consul takes.
ELECTORS = {"local": [], "etcd": ["--ttl", "60"], "consul": ["--ttl", "60"]}


def test_rules_are_well_formed():
    """Prometheus' own checker takes them."""
    assert "SUCCESS: 4 rules found" in promtool("check", "rules", "alerts.yml")


def test_each_alert_fires_when_it_should_and_only_then():
    """Stories of what scrapes find, and what comes of them: fail-overs, hand-overs, frozen leaders, late renewals."""
    promtool("test", "rules", "alerts.test.yml")
    told = (EXAMPLES / "alerts.test.yml").read_text()
    for alert in re.findall(r"alert: (\w+)", (EXAMPLES / "alerts.yml").read_text()):
        assert re.search(rf"alertname: {alert}\n +eval_time: \w+\n +exp_alerts:", told), (
            f"no story in which {alert} fires"
        )


def test_expressions_of_the_dashboard_are_well_formed(tmp_path):
    """Each is one that Prometheus can evaluate."""
    expressions = [target["expr"] for panel in panels() for target in panel["targets"]]
    rules = [{"record": f"expression_{number}", "expr": each} for number, each in enumerate(expressions)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(expressions)} rules found" in promtool("check", "rules", str(path))


@pytest.fixture
def electors(tmp_path):
    """A URL for each of ELECTORS."""
    with ExitStack() as stack:
        urls = {}
        for name in ELECTORS:
            (folder := tmp_path / name).mkdir()
            store = STORES[name](folder)
            stack.callback(store.close)
            urls[name] = store.url
        yield urls


def leaders(prometheus):
    """Return where each election is led, as instances, by what was scraped last."""
    found = prometheus.now("incumbent_is_leader == 1")
    return {each["metric"]["election"]: each["metric"]["instance"] for each in found}


def test_frozen_leader_is_told_of_on_every_elector(tmp_path, electors):
    """Two candidates each; the leaders are frozen, and `NobodyLeads` fires for each election, until they go on."""
    rules = re.sub(r"for: \w+", "for: 2s", (EXAMPLES / "alerts.yml").read_text())  # the others test how long it waits
    with ExitStack() as stack:
        wrappers, ports = {}, {}
        for elector, options in ELECTORS.items():
            for each in "ab":
                started = candidate(electors[elector], elector, each, *options)
                wrappers[f"{elector}-{each}"], ports[f"{elector}-{each}"] = stack.enter_context(started)
        prometheus = Prometheus(tmp_path, ports, rules)
        stack.callback(prometheus.stop)
        prometheus.start()
        frozen = eventually(lambda: (now := leaders(prometheus)).keys() == ELECTORS.keys() and now)
        eventually(lambda: not prometheus.firing())
        for instance in frozen.values():
            os.kill(wrappers[instance].pid, signal.SIGSTOP)
        expected = {("NobodyLeads", elector) for elector in ELECTORS}
        eventually(lambda: prometheus.firing() >= expected)
        for instance in frozen.values():
            os.kill(wrappers[instance].pid, signal.SIGCONT)
        eventually(lambda: not prometheus.firing() & expected)
        assert leaders(prometheus) == frozen
