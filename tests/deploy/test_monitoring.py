"""The alert rules and the dashboard: metrics, labels, and the runbook. promtool evaluates the rules."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.core.outcomes import Outcome
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_TYPES
from app.telemetry.metrics import METRICS, Kind

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "pyxec.json"
CASES = Path(__file__).with_name("alert_cases.yml")
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()

_PARTS: Final = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.SUMMARY: ("_sum", "_count")}
# All metric names of /metrics.
EXPOSED = {name + part for name, metric in METRICS.items() for part in _PARTS.get(metric.kind, ("",))}

alerts = re.findall(r"- alert: (\w+)\n", RULES.read_text())
panels = json.loads(DASHBOARD.read_text())["panels"]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


@pytest.mark.parametrize(
    "text",
    [RULES.read_text(), CASES.read_text(), *(text for panel in panels for text in expressions(panel))],
    ids=["rules", "cases", *(f"{panel['title']} {i}" for panel in panels for i in range(len(panel["targets"])))],
)
def test_queries_use_existing_metrics_and_labels(text: str) -> None:
    named = set(re.findall(r"\bpyxec_\w+", text))
    assert named
    assert named <= EXPOSED
    for name, matchers in re.findall(r"\b(pyxec_\w+)\{([^}]*)\}", text):
        labels = set(re.findall(r"(\w+)\s*=~?", matchers))
        assert labels <= set(METRICS[re.sub("_(bucket|sum|count)$", "", name)].labels), name
    outcomes = set(re.findall(r'outcome="(\w+)"', text))
    assert outcomes <= {outcome.value for outcome in Outcome}


def test_rejection_reasons_are_problem_types() -> None:
    known = {slug for _, slug, _ in PROBLEM_TYPES.values()} | {slug for _, slug, _ in HTTP_PROBLEM_TYPES.values()}
    [reasons] = re.findall(r'reason=~"([^"]+)"', RULES.read_text())

    assert set(reasons.split("|")) <= known


def test_prometheus_configuration_is_valid() -> None:
    done = promtool("check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_only_for_their_conditions() -> None:
    done = promtool("test", "rules", CASES)

    assert done.returncode == 0, done.stdout + done.stderr
    quiet = re.findall(r"silent.*alertname: (\w+)", CASES.read_text())
    assert set(quiet) == set(alerts)
    assert set(re.findall(r"^        alertname: (\w+)$", CASES.read_text(), re.MULTILINE)) == set(alerts)


def test_no_alert_pages_for_one_short_outage_that_has_recovered() -> None:
    pages = {rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
             if rule["labels"]["severity"] == "page"}  # fmt: skip
    [case] = [
        case for case in yaml.safe_load(CASES.read_text())["tests"] if case["name"].startswith("one short outage")
    ]

    # The case has each of these alerts, at each time, and expects that none fires; promtool evaluates it above
    assert {check["alertname"] for check in case["alert_rule_test"]} == pages
    assert [check for check in case["alert_rule_test"] if check["exp_alerts"]] == []


def test_dashboard_queries_are_valid(tmp_path: Path) -> None:
    queries = [text.replace("$__rate_interval", "1m") for panel in panels for text in expressions(panel)]
    rules = [{"record": f"panel:query{number}", "expr": text} for number, text in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = promtool("check", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_dashboard_shows_every_metric() -> None:
    shown = " ".join(text for panel in panels for text in expressions(panel))

    assert [name for name in METRICS if name not in shown] == []


@pytest.mark.parametrize("alert", alerts)
def test_runbook_describes_every_alert(alert: str) -> None:
    assert f"\n### {alert}\n" in RUNBOOK
    assert f"runbook: docs/operations.md#{alert.lower()}\n" in RULES.read_text()


def test_runbook_describes_no_other_alert() -> None:
    assert set(re.findall(r"^### (Pyxec\w+)$", RUNBOOK, re.MULTILINE)) == set(alerts)
