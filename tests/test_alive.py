"""The health check of a worker's container."""

from __future__ import annotations

import os
import subprocess

import pytest
import redis

from app.alive import is_alive
from app.broker.connection import without_retries
from app.store.keys import StoreKeys
from app.store.worker_registry import WorkerRegistry
from tests.ports import free_port
from tests.stack import BIN, ROOT, Stack

pytestmark = pytest.mark.docker

KEYS = StoreKeys("alive-test")


def test_a_host_whose_worker_speaks_is_alive_and_one_whose_does_not_is_not(stack: Stack) -> None:
    WorkerRegistry(stack.client, KEYS).beat("host-a:12:34")

    assert is_alive(stack.client, KEYS, "host-a", silence_seconds=1)
    assert not is_alive(stack.client, KEYS, "host", silence_seconds=1)


def test_while_the_store_is_just_up_or_down_nothing_is_known_and_nobody_is_to_be_killed(stack: Stack) -> None:
    assert is_alive(stack.client, KEYS, "host-b", silence_seconds=1e9)
    assert is_alive(without_retries(redis.Redis(port=free_port())), KEYS, "host-b", silence_seconds=0)


def test_the_command_is_what_a_container_asks(stack: Stack) -> None:
    done = subprocess.run([str(BIN / "python"), "-m", "app.alive"], cwd=ROOT, env={**os.environ, **stack.environment})

    assert done.returncode == 0
