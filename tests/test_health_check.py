"""The health check of a worker's container."""

from __future__ import annotations

import os
import subprocess

import pytest
import redis

from app.broker.connection import without_retries
from app.health_check import is_healthy
from app.store.keys import StoreKeys
from app.store.worker_registry import WorkerRegistry
from tests.ports import free_port
from tests.stack import BIN, ROOT, Stack

pytestmark = pytest.mark.docker

KEYS = StoreKeys("health-test")


def test_is_healthy_when_worker_of_host_sends_heartbeats(stack: Stack) -> None:
    WorkerRegistry(stack.client, KEYS).beat("host-a:12:34")

    assert is_healthy(stack.client, KEYS, "host-a", timeout_seconds=1)
    assert not is_healthy(stack.client, KEYS, "host", timeout_seconds=1)


def test_is_healthy_when_redis_is_down_or_was_just_started(stack: Stack) -> None:
    assert is_healthy(stack.client, KEYS, "host-b", timeout_seconds=1e9)
    assert is_healthy(without_retries(redis.Redis(port=free_port())), KEYS, "host-b", timeout_seconds=0)


def test_health_check_exits_with_0_when_worker_is_healthy(stack: Stack) -> None:
    done = subprocess.run(
        [str(BIN / "python"), "-m", "app.health_check"], cwd=ROOT, env={**os.environ, **stack.environment}
    )

    assert done.returncode == 0
