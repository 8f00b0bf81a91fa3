"""The cache of the installed images."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from app.core.errors import EngineUnavailable, InfrastructureError
from app.sandbox.images.installed import ImageCache, InstalledImage, installed_images
from tests.sandbox.engine.faulty_engine import scripted_engine
from tests.sandbox.sandbox_fixture import eventually


class ImageQuery:
    """Blocks until ``release`` is set; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.release = threading.Event()
        self.error: InfrastructureError | None = None

    def __call__(self) -> dict[str, InstalledImage]:
        self.calls += 1
        assert self.release.wait(30)
        if self.error is not None:
            raise self.error
        return {}


def test_image_cache_shares_one_query_between_concurrent_readers() -> None:
    query = ImageQuery()
    cache = ImageCache(query)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(cache.read) for _ in range(8)]
        assert eventually(lambda: query.calls == 1)
        query.release.set()

        assert [answer.result() for answer in answers] == [{}] * 8

    assert query.calls == 1


def test_image_cache_does_not_keep_a_failure() -> None:
    query = ImageQuery()
    query.error = EngineUnavailable("down")
    query.release.set()
    cache = ImageCache(query)
    with pytest.raises(EngineUnavailable, match="down"):
        cache.read()

    query.error = None

    assert cache.read() == {}


def test_image_cache_serves_the_old_list_during_a_query() -> None:
    # A list is cached, and the engine hangs at the next query
    query = ImageQuery()
    query.release.set()
    cache = ImageCache(query)
    cache.read()
    cache.invalidate()
    query.release.clear()
    with ThreadPoolExecutor(1) as thread:
        refresh = thread.submit(cache.read)
        assert eventually(lambda: query.calls == 2)

        assert cache.read() == {}

        query.release.set()
        assert refresh.result() == {}


def test_installed_images_ignore_an_image_that_is_being_deleted(tmp_path: Path) -> None:
    # Docker 28 with containerd returns such a summary, although the query filters by label
    body = json.dumps([{"Id": "sha256:1", "Created": 0, "Labels": None, "RepoTags": ["pyxec/toy:latest"], "Size": 0}])
    response = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    with scripted_engine(tmp_path, response.encode()) as url:
        client = docker.APIClient(url, version="1.44")

        assert installed_images(client) == {}

        client.close()
