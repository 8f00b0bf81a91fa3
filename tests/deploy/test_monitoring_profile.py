"""The profile `monitoring`: its services, the provisioning files of Grafana, and all queries in a real Prometheus.

Grafana itself cannot be obtained on the development machines (docs/operations.md).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from app.store.metrics import publish_metrics
from app.telemetry.metrics import METRICS, Kind, Meter
from tests.compose.releases import COMPOSE_RELEASES
from tests.deploy.test_compose_file import run_compose
from tests.http.gateway import running_gateway
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
SERVICES = {"prometheus", "node-exporter", "grafana"}
DASHBOARD = json.loads((GRAFANA / "pyxec.json").read_text())
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]

# https://grafana.com/docs/grafana/latest/administration/provisioning/
_DATA_SOURCE_KEYS: Final = {
    *("name", "uid", "type", "access", "orgId", "url", "isDefault", "editable", "jsonData", "version"),
}
_PROVIDER_KEYS: Final = {
    *("name", "orgId", "type", "folder", "folderUid", "options"),
    *("disableDeletion", "allowUiUpdates", "updateIntervalSeconds"),
}


def read_services(release: str, *options: str) -> dict[str, Any]:
    done = run_compose(release, *options, "config")
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_profile_adds_the_services_and_publishes_on_this_host_only(release: str) -> None:
    plain = {name for name, service in read_services(release).items() if "profiles" not in service}
    services = read_services(release, "--profile", "monitoring")

    assert (services.keys() - plain, SERVICES & plain) == (SERVICES, set())
    published = [str(port) for name in SERVICES for port in services[name].get("ports", [])]
    assert len(published) == 2
    assert all("127.0.0.1" in port for port in published)
    # Grafana has no access to Redis and to the other processes.
    assert list(services["grafana"]["networks"]) == ["monitoring"]


def test_mounted_files_are_those_that_grafana_reads() -> None:
    service = read_services("1.29", "--profile", "monitoring")["grafana"]
    mounts = dict(volume.split(":")[1::-1] for volume in service["volumes"])
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/pyxec.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/pyxec.yml").read_text())["providers"]

    assert source.keys() <= _DATA_SOURCE_KEYS
    assert provider.keys() <= _PROVIDER_KEYS
    assert (source["type"], source["access"], source["url"]) == ("prometheus", "proxy", "http://prometheus:9090")
    folder = provider["options"]["path"]
    assert mounts[f"{folder}/pyxec.json"] == str(GRAFANA / "pyxec.json")
    assert mounts["/etc/grafana/provisioning"] == str(GRAFANA / "provisioning")
    assert service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/pyxec.json"


def test_panels_use_the_data_source_of_the_dashboard_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert [variable["type"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}


@pytest.fixture
async def prometheus(redis_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A real Prometheus with the deployed configuration, which scrapes a gateway with events of every metric."""
    async with running_gateway(redis_url, namespace) as gateway:
        configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        configuration["rule_files"] = [str(PROMETHEUS / "alerts.yml")]
        job = next(job for job in configuration["scrape_configs"] if job["job_name"] == "pyxec")
        job["static_configs"] = [{"targets": [f"127.0.0.1:{gateway.port}"]}]
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        port = free_port()
        command = [
            "prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        ]  # fmt: skip
        meter = Meter()
        with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
                    async with asyncio.timeout(30):
                        while not await has_two_scrapes(client):
                            record_events(meter)
                            publish_metrics(gateway.redis, gateway.keys, "worker-1", meter)
                            await gateway.submit()
                            await asyncio.sleep(0.2)
                    yield client
            finally:
                process.terminate()


def record_events(meter: Meter) -> None:
    """Record an event of each metric that a process counts."""
    for name, metric in METRICS.items():
        labels = ["infrastructure_error" if label == "outcome" else "x" for label in metric.labels]
        if metric.kind is Kind.COUNTER:
            meter.count(name, *labels)
        elif metric.kind is Kind.HISTOGRAM:
            meter.observe(name, 0.2, *labels)
        elif metric.kind is Kind.SUMMARY:
            meter.count_up_to(name, *labels, total=meter_total(), part="count")
            meter.count_up_to(name, *labels, total=meter_total(), part="sum")
        elif name not in ("pyxec_build_info", "pyxec_queue_paused"):
            meter.set(name, 1, *labels)


_totals = iter(range(1, 10**6))


def meter_total() -> int:
    return next(_totals)


async def has_two_scrapes(client: httpx.AsyncClient) -> bool:
    try:
        response = await client.get("/query", params={"query": "count_over_time(pyxec_fenced_total[1m]) > 3"})
        loaded = (await client.get("/rules")).json()["data"]["groups"]
    except httpx.TransportError:
        return False
    return bool(response.json()["data"]["result"]) and all(rule["lastEvaluation"] for rule in loaded[0]["rules"])


async def test_prometheus_answers_the_queries_of_all_panels_and_loads_all_alerts(prometheus: httpx.AsyncClient) -> None:
    assert len(QUERIES) >= len(DASHBOARD["panels"])
    for title, query in QUERIES:
        response = await prometheus.get("/query", params={"query": query.replace("$__rate_interval", "1m")})
        reply = response.json()
        assert (reply["status"], reply.get("warnings")) == ("success", None), (title, query, reply)
        assert reply["data"]["result"], (title, query)
    (group,) = (await prometheus.get("/rules")).json()["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    assert len(group["rules"]) == (PROMETHEUS / "alerts.yml").read_text().count("- alert: ")
    targets = (await prometheus.get("/targets")).json()["data"]["activeTargets"]
    assert {target["labels"]["job"]: target["health"] for target in targets}["pyxec"] == "up"
