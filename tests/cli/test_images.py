"""`pyxec images` on this machine's engine, and it changes nothing there. What it removes is tested in
tests/sandbox/test_images.py, with an image of the test's own."""

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


def test_the_list_has_what_is_there_with_the_version_it_told() -> None:
    listed = msgspec.json.decode(images("list", "--json").stdout)

    python = next(image for image in listed if image["language"] == "python")
    assert python["version"].startswith("3.")
    assert python["size_bytes"] > 0
    assert any({"python", python["version"]} <= set(line.split()) for line in images("list").stdout.splitlines())


def test_all_of_the_catalogue_is_listed_when_asked_for() -> None:
    listed = images("list", "--all").stdout

    assert all(name in listed for name in ("python", "haskell", "sqlite"))


def test_building_what_is_there_says_so_and_does_nothing() -> None:
    images("build", "bash")

    done = images("build", "bash", "sh")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "image bash" not in done.stdout
    assert "bash 5" in done.stdout


@pytest.mark.parametrize("command", ["build", "remove"])
def test_an_unknown_language_is_refused_with_the_ones_there_are(command: str) -> None:
    done = images(command, "klingon")

    assert done.returncode == 2
    assert "'klingon' is not in the catalogue" in done.stderr
    assert "haskell" in done.stderr


def test_nothing_is_removed_unless_it_is_named() -> None:
    done = images("remove")

    assert done.returncode == 2
    assert "which ones?" in done.stderr


def test_waiting_for_images_that_are_there_takes_no_time() -> None:
    done = images("wait")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
