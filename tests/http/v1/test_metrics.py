"""GET /metrics: the metrics of all processes in the text format of Prometheus."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.store.keys import StoreKeys
from app.store.metrics import publish_metrics
from app.telemetry.metrics import METRICS, Kind, Meter, Sample
from pyxec.version import VERSION
from tests.http.gateway import JOB, Gateway, StartGateway, bearer

Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
async def gateway(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway that publishes its metrics every 50 ms."""
    monkeypatch.setattr("app.http.middleware.metrics._PUBLISH_SECONDS", 0.05)
    return await start_gateway()


async def scrape(gateway: Gateway) -> Metrics:
    response = await gateway.client.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def eventually(gateway: Gateway, holds: Callable[[Metrics], bool]) -> Metrics:
    """The metrics, once a condition holds: gateways publish theirs periodically."""
    async with asyncio.timeout(15):
        while not holds(metrics := await scrape(gateway)):
            await asyncio.sleep(0.02)
    return metrics


async def test_metrics_exist_from_the_start(gateway: Gateway) -> None:
    text = (await gateway.client.get("/metrics")).text
    for name, metric in METRICS.items():
        kind = "counter" if metric.kind is Kind.COUNTER else metric.kind.value
        assert f"# TYPE {name} {kind}\n" in text
    assert "pyxec_fenced_total 0.0" in text


def test_metric_names_follow_the_conventions() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"pyxec_[a-z_]+", name)
        assert (metric.kind is Kind.COUNTER) == name.endswith("_total")
        assert metric.description.endswith(".")
        assert not {"id", "job_id", "key", "address"} & set(metric.labels)
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)


async def test_queue_gauges_are_read_at_scrape_time(gateway: Gateway) -> None:
    await gateway.submit()
    gateway.worker.start()
    for _ in range(2):
        await gateway.submit()
    metrics = await scrape(gateway)
    assert metrics["pyxec_queue_depth", (("queue", "jobs"),)] == 2
    assert metrics["pyxec_pending_entries", (("queue", "jobs"),)] == 1
    assert metrics["pyxec_dead_letters", (("queue", "jobs"),)] == 0


async def test_requests_are_counted_by_route_method_and_status(gateway: Gateway) -> None:
    for path in ("/v1/jobs/unknown", "/v1/jobs/other", "/nonsense"):
        await gateway.client.get(path)
    missing = ("pyxec_http_requests_total", (("method", "GET"), ("route", "/v1/jobs/{job_id}"), ("status", "404")))

    metrics = await eventually(gateway, lambda metrics: metrics.get(missing) == 2)

    assert metrics["pyxec_http_requests_total", (("method", "GET"), ("route", "none"), ("status", "404"))] == 1
    assert metrics["pyxec_http_request_seconds_count", (("route", "/v1/jobs/{job_id}"),)] == 2


async def test_memory_of_redis_version_and_backlog_are_exposed(gateway: Gateway) -> None:
    metrics = await scrape(gateway)

    assert metrics["pyxec_redis_memory_bytes", ()] > 100_000
    assert metrics["pyxec_redis_memory_max_bytes", ()] == gateway.redis.info("memory")["maxmemory"]
    assert metrics["pyxec_build_info", (("version", VERSION),)] == 1
    assert ("pyxec_max_backlog", ()) in metrics


async def test_rejections_are_counted_by_reason(gateway: Gateway) -> None:
    for _ in range(2):
        await gateway.client.get("/v1/languages", headers=bearer("nonsense"))
    await gateway.client.post("/v1/jobs", json={**JOB, "language": "klingon"})
    rejected = ("pyxec_rejected_total", (("reason", "not-authenticated"),))
    metrics = await eventually(gateway, lambda metrics: metrics.get(rejected) == 2)
    reasons = {labels: value for (name, labels), value in metrics.items() if name == "pyxec_rejected_total"}
    assert reasons == {(("reason", "not-authenticated"),): 2}


async def test_open_websockets_are_summed_over_gateways(start_gateway: StartGateway, gateway: Gateway) -> None:
    job_id = await gateway.submit()
    open_sockets = ("pyxec_websockets_open", ())
    other = await start_gateway()
    sockets = [await each.connect(f"/v1/jobs/{job_id}/stream") for each in (gateway, gateway, other)]
    await eventually(gateway, lambda metrics: metrics[open_sockets] == 3)
    for socket in sockets:
        await socket.close()
    await eventually(gateway, lambda metrics: metrics[open_sockets] == 0)


async def test_counters_of_workers_are_summed(gateway: Gateway) -> None:
    # Given the metrics of two workers
    keys = StoreKeys(gateway.namespace)
    for worker, outcome in (("w1", "ok"), ("w2", "ok"), ("w2", "signaled")):
        meter = Meter()
        meter.count("pyxec_jobs_total", outcome, "python")
        meter.observe("pyxec_job_run_seconds", 0.3)
        meter.observe("pyxec_job_run_seconds", 1000)
        meter.set("pyxec_pool_idle", 2, "python")
        meter.count_up_to("pyxec_pool_misses_total", "python", total=5)
        meter.count_up_to("pyxec_pool_misses_total", "python", total=7)
        publish_metrics(gateway.redis, keys, worker, meter)
    # When the metrics are read
    metrics = await scrape(gateway)
    # Then counters are summed over all workers, and gauges over live ones
    ok = (("language", "python"), ("outcome", "ok"))
    assert metrics["pyxec_jobs_total", ok] == 2
    assert metrics["pyxec_pool_misses_total", (("language", "python"),)] == 21
    assert metrics["pyxec_pool_idle", (("language", "python"),)] == 4
    buckets = {
        labels[0][1]: value for (name, labels), value in metrics.items() if name == "pyxec_job_run_seconds_bucket"
    }
    assert (buckets["0.25"], buckets["0.5"], buckets["300.0"], buckets["+Inf"]) == (0, 3, 3, 6)
    assert metrics["pyxec_job_run_seconds_count", ()] == 6
    assert metrics["pyxec_job_run_seconds_sum", ()] == pytest.approx(3000.9)


async def test_gauges_of_a_silent_process_are_removed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    meter.set("pyxec_pool_idle", 2, "python")
    with monkeypatch.context() as before:
        before.setattr("app.store.metrics.time.time", lambda: 1_700_000_000.0)
        publish_metrics(gateway.redis, gateway.keys, "long-gone", meter)
    assert not [name for name, _ in await scrape(gateway) if name == "pyxec_pool_idle"]
    assert gateway.redis.hexists(gateway.keys.gauges, "long-gone") is False


def test_increments_are_kept_when_publishing_fails() -> None:
    meter = Meter()
    meter.count("pyxec_fenced_total")
    nowhere = redis.Redis(unix_socket_path="/nonexistent/socket", retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis.exceptions.ConnectionError):
        publish_metrics(nowhere, StoreKeys("x"), "w", meter)
    assert meter.take_increments() == {Sample("pyxec_fenced_total", ()): 1}
    assert meter.take_increments() == {}


async def test_metrics_return_503_when_redis_fails(gateway: Gateway) -> None:
    gateway.redis.set(gateway.keys.metrics, "not a hash")
    assert (await gateway.client.get("/metrics")).status_code == 503
