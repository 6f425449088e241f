"""The alerts and the dashboard of the documentation ask for what is exported, and the picture shows real data."""

from __future__ import annotations

import importlib.util
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from stage import Stage

from incumbent import BackendUnavailableError
from incumbent.prometheus import PrometheusObserver

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples/prometheus"
DASHBOARD = json.loads((EXAMPLES / "dashboard.json").read_text())
ALERTS = yaml.safe_load((EXAMPLES / "alerts.yml").read_text())["groups"][0]["rules"]
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in ALERTS} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
#: What Prometheus itself adds.
OWN_LABELS = {"instance", "le"}


@pytest.fixture(scope="module")
def families():
    """What is exported of a candidate to which all happens."""
    stage, registry = Stage(), CollectorRegistry()
    election = stage.election(puppet := stage.puppet(), observer=PrometheusObserver(registry))
    puppet.answers["check"] = BackendUnavailableError("connection refused")
    stage.advance(8)
    del puppet.answers["check"]
    stage.advance(5)
    election.relinquish()
    stage.advance(20)
    return list(registry.collect())


@pytest.fixture(scope="module")
def exported(families):
    """The name of each sample, with its labels and the values that these were seen to have."""
    seen: dict[str, dict[str, set[str]]] = {}
    for family in families:
        for sample in family.samples:
            labels = seen.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return seen


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_asks_for_what_is_exported(name, exported):
    """Metrics, labels and values of labels: a misspelt one would be silence, on a dashboard and in the night."""
    expression = EXPRESSIONS[name]
    metrics = re.findall(r"incumbent_\w+", expression)
    assert metrics
    assert set(metrics) <= exported.keys()
    for metric in metrics:
        labels = exported[metric]
        for label, is_equal, value in re.findall(r'(\w+)(=)?~?"([^"]*)"', expression):
            assert label in labels
            assert not is_equal or "$" in value or value in labels[label]
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert set(re.split(r", *", grouped)) <= {*labels, *OWN_LABELS}


def test_page_tells_of_all_that_is_exported(families):
    """The table of docs/metrics.md has a row for each metric, and no other."""
    told = set(re.findall(r"^\| `(incumbent_\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert told == {f"{each.name}_total" if each.type == "counter" else each.name for each in families}


def test_every_panel_has_a_recorded_series():
    """The expressions were evaluated by a real Prometheus, of real candidates, and each found something."""
    recorded = json.loads((DOCS / "_ext/recorded.json").read_text())
    with_values = {series["panel"] for series in recorded if series["values"]}
    assert with_values == {panel["title"] for panel in DASHBOARD["panels"]}


def test_picture_is_what_is_drawn_of_it():
    """Whoever changes the dashboard, the record or how they are drawn, runs docs/_ext/dashboard.py."""
    spec = importlib.util.spec_from_file_location("dashboard", DOCS / "_ext/dashboard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.svg()
    assert (DOCS / "dashboard.svg").read_text() == drawn
    texts = [each.text for each in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {panel["title"] for panel in DASHBOARD["panels"]} <= set(texts)
