"""The alerts and the dashboard against promtool and Grafana's own types, and against what the program says that it measures."""

import itertools
import re
import shutil

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard
from repository import DOCKER, DOCS, MONITORING, alerts, catalogue, dashboard, load, metrics_in, panel_queries, run


def test_prometheus_takes_them(tmp_path):
    run("promtool", "check", "rules", "--lint-fatal", MONITORING / "alerts.yaml")
    for file in (DOCKER / "compose/prometheus.yaml", MONITORING / "alerts.yaml"):
        shutil.copy(file, tmp_path)
    run("promtool", "check", "config", tmp_path / "prometheus.yaml")


def test_each_fires_for_what_it_is_meant_for():
    run("promtool", "test", "rules", MONITORING / "alerts.test.yaml")
    tested = {}
    for case in load(MONITORING / "alerts.test.yaml")["tests"]:
        for each in case["alert_rule_test"]:
            tested.setdefault(each["alertname"], set()).add(bool(each["exp_alerts"]))
    assert tested == {rule["alert"]: {True, False} for rule in alerts()}


def test_the_operator_gets_the_same():
    assert (MONITORING / "prometheusrule.yaml").read_text() == run(MONITORING / "prometheusrule"), "run `make alerts`"
    assert load(MONITORING / "prometheusrule.yaml")["spec"] == load(MONITORING / "alerts.yaml")


def test_each_has_an_entry_in_the_runbook():
    entries = set(re.findall(r"^### (Stampmill\w+)$", (DOCS / "operations.md").read_text(), re.M))
    assert entries == {rule["alert"] for rule in alerts()}
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f'docs/src/operations.md#{rule["alert"].lower()}'
        assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("title, expression", [(rule["alert"], rule["expr"]) for rule in alerts()] + list(panel_queries()))
def test_every_metric_exists(title, expression):
    assert metrics_in(expression) <= catalogue()


def kept(wanted, found):
    """Whether everything of the first is in the second."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(value is None or kept(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(kept, wanted, found))
    return wanted == found


def as_plain(value):
    """As JSON has it."""
    if hasattr(value, "to_json"):
        return as_plain(value.to_json())
    if isinstance(value, dict):
        return {key: as_plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_plain(each) for each in value]
    return value.value if hasattr(value, "value") else value


def test_grafana_keeps_all_of_the_dashboard():
    """A key that its types do not know would be dropped without a word."""
    assert kept(dashboard(), as_plain(Dashboard.from_json(dashboard())))
    wrong = dashboard()
    wrong["panels"][0]["tittle"] = "x"
    assert not kept(wrong, as_plain(Dashboard.from_json(wrong)))


def test_panels_lie_beside_each_other():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
