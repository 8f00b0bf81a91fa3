"""`pyxec images` on this machine's engine, read-only. tests/sandbox tests the removal with an image of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

from tests.cli.conftest import ROOT

pytestmark = pytest.mark.docker


def images(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "images", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_images_list_shows_versions() -> None:
    listed = msgspec.json.decode(images("list", "--json").stdout)

    python = next(image for image in listed if image["language"] == "python")
    assert python["version"].startswith("3.")
    assert python["size_bytes"] > 0
    assert any({"python", python["version"]} <= set(line.split()) for line in images("list").stdout.splitlines())


def test_images_list_all_shows_the_whole_catalogue() -> None:
    listed = images("list", "--all").stdout

    assert all(name in listed for name in ("python", "haskell", "sqlite"))


def test_images_build_skips_current_images() -> None:
    images("build", "bash")

    done = images("build", "bash", "sh")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "image bash" not in done.stdout
    assert "bash 5" in done.stdout


@pytest.mark.parametrize("command", ["build", "remove"])
def test_images_build_refuses_an_unknown_language(command: str) -> None:
    done = images(command, "klingon")

    assert done.returncode == 2
    assert "'klingon' is not in the catalogue" in done.stderr
    assert "haskell" in done.stderr


def test_images_remove_requires_names() -> None:
    done = images("remove")

    assert done.returncode == 2
    assert "pass --all" in done.stderr


def test_images_wait_returns_at_once_when_all_are_built() -> None:
    done = images("wait")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
