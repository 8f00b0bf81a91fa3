"""/v1/admin/workspaces, /v1/admin/files and /v1/admin/engines: what operators see of other callers."""

from __future__ import annotations

from typing import Any

import httpx

from app.store.metrics import publish_metrics
from app.telemetry.metrics import Meter
from tests.http.gateway import OPERATOR, Gateway
from tests.http.openapi.conformance import assert_conforms


async def get(gateway: Gateway, path: str) -> dict[str, Any]:
    response: httpx.Response = await gateway.client.get(path, headers=OPERATOR)
    assert_conforms(response, "get", path)
    assert response.status_code == 200, response.text
    view: dict[str, Any] = response.json()
    return view


async def test_workspaces_of_all_callers_are_listed_with_their_jobs(gateway: Gateway) -> None:
    owner = await gateway.create_caller()
    used, unused = [
        (await gateway.client.post("/v1/workspaces", headers=headers)).json()["id"] for headers in (owner, None)
    ]
    await gateway.client.put(f"/v1/workspaces/{used}/files/a.txt", content=bytes(1000), headers=owner)
    await gateway.submit(owner, workspace=used)

    view = await get(gateway, "/v1/admin/workspaces")

    workspaces = {workspace["id"]: workspace for workspace in view["workspaces"]}
    assert view["total"] == len(workspaces) == 2
    expected = {"files": 1, "size_bytes": 1000, "jobs": 1, "version": 1}
    assert {name: workspaces[used][name] for name in expected} == expected
    assert workspaces[used]["owner"].startswith("key:")
    assert (workspaces[unused]["owner"], workspaces[unused]["jobs"]) == ("anonymous", 0)

    await gateway.client.delete(f"/v1/workspaces/{unused}")
    listed = (await get(gateway, "/v1/admin/workspaces"))["workspaces"]
    assert [workspace["id"] for workspace in listed] == [used]


async def test_files_of_all_callers_are_listed_without_their_contents(gateway: Gateway) -> None:
    assert (await get(gateway, "/v1/admin/files")) == {"total": 0, "size_bytes": 0, "files": []}
    owner = await gateway.create_caller()
    response = await gateway.client.put("/v1/files?name=ä.csv", content=b"secret", headers=owner)
    file_id = response.json()["file_id"]

    view = await get(gateway, "/v1/admin/files")

    (file,) = view["files"]
    assert (view["total"], file["file_id"], file["name"], file["size_bytes"]) == (1, file_id, "ä.csv", 6)
    assert view["size_bytes"] >= 6
    # And the operator cannot read it
    assert (await gateway.client.get(f"/v1/files/{file_id}", headers=OPERATOR)).status_code == 404
    assert (await gateway.client.delete(f"/v1/files/{file_id}", headers=owner)).status_code == 204
    assert (await get(gateway, "/v1/admin/files"))["files"] == []


async def test_engines_of_live_workers_are_listed_with_their_sandboxes(gateway: Gateway) -> None:
    # Given the metrics of a worker with cells, of a paused worker, and of a process without an engine
    cells, paused, relay = Meter(), Meter(), Meter()
    cells.set("pyxec_workers_by_isolation", 1, "cell")
    cells.set("pyxec_worker_slots", 4)
    cells.set("pyxec_sandboxes_running", 3)
    cells.set("pyxec_pool_idle", 2, "python")
    cells.set("pyxec_pool_idle", 0, "bash")
    paused.set("pyxec_workers_by_isolation", 1, "container")
    paused.set("pyxec_worker_paused", 0, "engine-unsupported")
    paused.set("pyxec_worker_paused", 1, "engine-not-answering")
    relay.set("pyxec_websockets_open", 1)
    for name, meter in (("b", cells), ("a", paused), ("c", relay)):
        publish_metrics(gateway.redis, gateway.keys, name, meter)

    view = await get(gateway, "/v1/admin/engines")

    assert view["engines"] == [
        {
            "worker": "a", "isolation": "container", "slots": 0, "running": 0, "idle": {},
            "pause_reason": "engine-not-answering",
        },
        {"worker": "b", "isolation": "cell", "slots": 4, "running": 3, "idle": {"python": 2}, "pause_reason": None},
    ]  # fmt: skip
