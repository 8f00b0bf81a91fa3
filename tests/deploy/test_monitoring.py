"""The alert rules and the dashboard, held against the metrics that there are, and tried with Prometheus' own tool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from app.core.outcomes import Outcome
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_TYPES
from app.telemetry.metrics import METRICS, Kind

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "pyxec.json"
CASES = Path(__file__).with_name("alert_cases.yml")
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()

_PARTS: Final = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.SUMMARY: ("_sum", "_count")}
#: Every name that a scrape may have.
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
def test_every_metric_that_is_named_is_there_with_these_labels(text: str) -> None:
    named = set(re.findall(r"\bpyxec_\w+", text))
    assert named
    assert named <= EXPOSED
    for name, matchers in re.findall(r"\b(pyxec_\w+)\{([^}]*)\}", text):
        labels = set(re.findall(r"(\w+)\s*=~?", matchers))
        assert labels <= set(METRICS[re.sub("_(bucket|sum|count)$", "", name)].labels), name
    outcomes = set(re.findall(r'outcome="(\w+)"', text))
    assert outcomes <= {outcome.value for outcome in Outcome}


def test_every_reason_is_the_name_of_a_problem() -> None:
    known = {slug for _, slug, _ in PROBLEM_TYPES.values()} | {slug for _, slug, _ in HTTP_PROBLEM_TYPES.values()}
    [reasons] = re.findall(r'reason=~"([^"]+)"', RULES.read_text())

    assert set(reasons.split("|")) <= known


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    done = promtool("check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_raised_by_what_it_is_for_and_by_nothing_else() -> None:
    done = promtool("test", "rules", CASES)

    assert done.returncode == 0, done.stdout + done.stderr
    quiet = re.findall(r"silent.*alertname: (\w+)", CASES.read_text())
    assert set(quiet) == set(alerts)
    assert set(re.findall(r"^        alertname: (\w+)$", CASES.read_text(), re.MULTILINE)) == set(alerts)


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [text.replace("$__rate_interval", "1m") for panel in panels for text in expressions(panel)]
    rules = [{"record": f"panel:query{number}", "expr": text} for number, text in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = promtool("check", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_every_metric_can_be_seen_somewhere() -> None:
    shown = " ".join(text for panel in panels for text in expressions(panel))

    assert [name for name in METRICS if name not in shown] == []


@pytest.mark.parametrize("alert", alerts)
def test_the_runbook_says_what_to_do(alert: str) -> None:
    assert f"\n### {alert}\n" in RUNBOOK
    assert f"runbook: docs/operations.md#{alert.lower()}\n" in RULES.read_text()


def test_the_runbook_knows_of_no_alert_that_is_gone() -> None:
    assert set(re.findall(r"^### (Pyxec\w+)$", RUNBOOK, re.MULTILINE)) == set(alerts)
