"""The alerts and the dashboard of the documentation ask for what is exported, and the picture shows real data."""

from __future__ import annotations

import importlib.util
import json
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import promql_parser
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


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_is_read_by_a_parser_of_promql(name):
    """With a duration in the place of the one that Grafana puts there."""
    promql_parser.parse(EXPRESSIONS[name].replace("$__rate_interval", "5m"))


def test_dashboard_is_what_grafana_documents():
    """Its model: no id of an installation; panels with ids of their own, side by side on 24 columns."""
    assert DASHBOARD.get("id") is None
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert {"type", "title", "fieldConfig"} <= panel.keys()
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names)
        place = panel["gridPos"]
        assert min(place["x"], place["y"]) >= 0 < min(place["w"], place["h"])
        assert place["x"] + place["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        is_beside = any(
            a[at] + a[size] <= b[at] for a, b in ((one, other), (other, one)) for at, size in (("x", "w"), ("y", "h"))
        )
        assert is_beside, (one, other)


def test_dashboard_takes_the_data_source_that_its_reader_chooses():
    """Nothing is bound to an installation: all that is asked for is asked of its variable, which is declared first."""
    source, *others = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    asked = [*DASHBOARD["panels"], *others, *(t for panel in DASHBOARD["panels"] for t in panel["targets"])]
    chosen = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    assert [each for each in asked if each["datasource"] != chosen] == []
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    declared = {each["name"] for each in (source, *others)}
    assert {name for name in used if not name.startswith("__")} <= declared


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
