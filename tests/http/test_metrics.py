"""GET /metrics: what all processes have counted, in the form that Prometheus reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from app.store.keys import StoreKeys
from app.store.metrics import publish_metrics
from app.telemetry.metrics import METRICS, Kind, Meter, Sample
from tests.http.gateway import JOB, Gateway, StartGateway, bearer

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(gateway: Gateway) -> Figures:
    answer = await gateway.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def eventually(gateway: Gateway, holds: Callable[[Figures], bool]) -> Figures:
    """The figures, once they are as expected: gateways hand theirs on every two seconds."""
    async with asyncio.timeout(15):
        while not holds(figures := await scrape(gateway)):
            await asyncio.sleep(0.2)
    return figures


async def test_every_metric_is_there_from_the_beginning(gateway: Gateway) -> None:
    text = (await gateway.client.get("/metrics")).text
    for name, metric in METRICS.items():
        kind = "counter" if metric.kind is Kind.COUNTER else metric.kind.value
        assert f"# TYPE {name} {kind}\n" in text
    assert "pyxec_fenced_total 0.0" in text


def test_names_are_as_they_should_be() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"pyxec_[a-z_]+", name)
        assert (metric.kind is Kind.COUNTER) == name.endswith("_total")
        assert metric.description.endswith(".")
        assert not {"id", "job_id", "key", "address"} & set(metric.labels)
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)


async def test_queues_are_read_when_asked(gateway: Gateway) -> None:
    await gateway.submit()
    gateway.worker.start()
    for _ in range(2):
        await gateway.submit()
    figures = await scrape(gateway)
    assert figures["pyxec_queue_depth", (("queue", "jobs"),)] == 2
    assert figures["pyxec_pending_entries", (("queue", "jobs"),)] == 1
    assert figures["pyxec_dead_letters", (("queue", "jobs"),)] == 0


async def test_refusals_are_counted_by_their_reason(gateway: Gateway) -> None:
    for _ in range(2):
        await gateway.client.get("/v1/languages", headers=bearer("nonsense"))
    await gateway.client.post("/v1/jobs", json={**JOB, "language": "cobol"})
    figures = await eventually(gateway, lambda figures: any(name == "pyxec_rejected_total" for name, _ in figures))
    reasons = {labels: value for (name, labels), value in figures.items() if name == "pyxec_rejected_total"}
    assert reasons == {(("reason", "not-authenticated"),): 2}


async def test_open_sockets_are_counted_over_all_gateways(start_gateway: StartGateway, gateway: Gateway) -> None:
    job_id = await gateway.submit()
    open_sockets = ("pyxec_websockets_open", ())
    other = await start_gateway()
    sockets = [await one.connect(f"/v1/jobs/{job_id}/stream") for one in (gateway, gateway, other)]
    await eventually(gateway, lambda figures: figures[open_sockets] == 3)
    for socket in sockets:
        await socket.close()
    await eventually(gateway, lambda figures: figures[open_sockets] == 0)


async def test_what_workers_count_is_added_up(gateway: Gateway) -> None:
    # Given two workers that have run jobs, one of which has ended since
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
    # When the figures are read
    figures = await scrape(gateway)
    # Then the totals are sums over all that ever was, and the gauges over who is there
    ok = (("language", "python"), ("outcome", "ok"))
    assert figures["pyxec_jobs_total", ok] == 2
    assert figures["pyxec_pool_misses_total", (("language", "python"),)] == 21
    assert figures["pyxec_pool_idle", (("language", "python"),)] == 4
    buckets = {
        labels[0][1]: value for (name, labels), value in figures.items() if name == "pyxec_job_run_seconds_bucket"
    }
    assert (buckets["0.25"], buckets["0.5"], buckets["300.0"], buckets["+Inf"]) == (0, 3, 3, 6)
    assert figures["pyxec_job_run_seconds_count", ()] == 6
    assert figures["pyxec_job_run_seconds_sum", ()] == pytest.approx(3000.9)


async def test_who_fell_silent_has_no_gauges(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    meter.set("pyxec_pool_idle", 2, "python")
    with monkeypatch.context() as before:
        before.setattr("app.store.metrics.time.time", lambda: 1_700_000_000.0)
        publish_metrics(gateway.redis, gateway.keys, "long-gone", meter)
    assert not [name for name, _ in await scrape(gateway) if name == "pyxec_pool_idle"]
    assert gateway.redis.hexists(gateway.keys.gauges, "long-gone") is False


def test_what_could_not_be_handed_on_is_kept() -> None:
    meter = Meter()
    meter.count("pyxec_fenced_total")
    nowhere = redis.Redis(unix_socket_path="/nonexistent/socket")
    with pytest.raises(redis.exceptions.ConnectionError):
        publish_metrics(nowhere, StoreKeys("x"), "w", meter)
    assert meter.take_increments() == {Sample("pyxec_fenced_total", ()): 1}
    assert meter.take_increments() == {}


async def test_a_store_that_is_down_is_told(gateway: Gateway) -> None:
    gateway.redis.set(gateway.keys.metrics, "not a hash")
    assert (await gateway.client.get("/metrics")).status_code == 503
