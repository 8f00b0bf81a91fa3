"""Fields that the original APIs do not know: all of them ignore such fields, and Pyxec's own API rejects them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.gateway import JOB, Gateway

SOURCE = "print(1)"
REQUESTS: dict[str, dict[str, Any]] = {
    "/judge0/submissions?wait=true": {"language_id": 71, "source_code": SOURCE},
    "/api/v2/execute": {"language": "python", "version": "*", "files": [{"content": SOURCE}]},
    "/sandboxfusion/run_code": {"language": "python", "code": SOURCE},
    "/sandboxfusion/run_jupyter": {"cells": [SOURCE]},
    "/librechat/v1/exec": {"lang": "py", "code": SOURCE, "user_id": "x", "runtime_session_hint": "x"},
    "/dify/v1/sandbox/run": {"language": "python3", "code": SOURCE},
    "/jobe/index.php/restapi/runs": {"run_spec": {"language_id": "python3", "sourcecode": SOURCE, "unknown": [1]}},
    "/api/run": {"language": "python", "code": SOURCE},
}


@pytest.mark.parametrize("path", REQUESTS)
async def test_compat_api_ignores_unknown_fields(gateway: Gateway, path: str) -> None:
    gateway.worker.handle_jobs(gateway.worker.run)
    response = await gateway.client.post(path, json={**REQUESTS[path], "unknown": {"nested": [None, 1.5, "x"]}})
    assert response.status_code in (200, 201, 202), response.text
    assert len(gateway.job_ids()) == 1


async def test_native_api_rejects_unknown_fields(gateway: Gateway) -> None:
    for path, body in (("/v1/jobs", JOB), ("/v1/jobs/batch", {"jobs": [JOB]})):
        response = await gateway.client.post(path, json={**body, "unknown": 1})
        assert response.status_code == 422
    assert gateway.job_ids() == []
