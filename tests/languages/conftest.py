"""Which languages are tried: the default set; all that are installed with PYXEC_TEST_LANGUAGES=installed; or those
that it names, with commas between them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import docker
import pytest

from app.local.engine import engine_host
from app.sandbox.images.catalogue import default_set
from app.sandbox.images.installed import installed_images
from tests.sandbox.arena import LANGUAGES, Arena, open_arena


def chosen() -> list[str]:
    wanted = os.environ.get("PYXEC_TEST_LANGUAGES", "default")
    if wanted == "default":
        return sorted(default_set(LANGUAGES))
    if wanted != "installed":
        return wanted.split(",")
    client = docker.APIClient(base_url=engine_host(), version="auto")
    try:
        return sorted(installed_images(client).keys() & LANGUAGES.keys())
    finally:
        client.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "language" in metafunc.fixturenames:
        metafunc.parametrize("language", chosen())


@pytest.fixture(scope="session")
def arena() -> Iterator[Arena]:
    with open_arena(pool_floor=0, pool_ceiling=0) as opened:
        yield opened
