"""A language that a user defines: the example of docs/languages.md is built and runs a program."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from app.core.outcomes import Outcome
from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build import BuildEvent, ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language, load_languages
from app.sandbox.images.removal import remove_images
from tests.sandbox.sandbox_fixture import LANGUAGES, job, open_sandbox_fixture

ROOT = Path(__file__).parents[3]
EXAMPLE = re.search(
    r"<!-- tests/sandbox/images/test_custom_language.py builds this language -->\n```toml\n(.*?)```",
    (ROOT / "docs" / "languages.md").read_text(),
    re.DOTALL,
)
PROGRAM = """
import emoji
import os

print(emoji.emojize(":red_heart:") == "\\u2764\\ufe0f", os.environ["PYTHONUNBUFFERED"], open("/opt/note").read())
"""


def read_example() -> str:
    assert EXAMPLE is not None
    return EXAMPLE[1]


def test_example_has_eight_lines_and_extends_python(tmp_path: Path) -> None:
    (tmp_path / "python-ml.toml").write_text(read_example())

    language = load_languages(ROOT / "languages", tmp_path)["python-ml"]

    assert len(read_example().splitlines()) == 8
    assert language.run == LANGUAGES["python"].run
    assert set(language.packages.debian) == set(LANGUAGES["python"].packages.debian)
    (torch,) = set(language.packages.python) - set(LANGUAGES["python"].packages.python)
    assert torch.startswith("torch==")
    assert language.limits.memory_bytes == 2**31


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    client = connect_docker(engine_host(), 300)
    yield client
    client.close()


@pytest.fixture
def custom(tmp_path: Path, client: docker.APIClient) -> Iterator[Language]:
    """The language of the example with one small wheel, and the instructions of a Dockerfile."""
    base = re.sub(r"^python = .*\n", "", (ROOT / "languages" / "python.toml").read_text(), flags=re.MULTILINE)
    base = re.sub(r"^debian = .*", 'debian = ["python3"]', base, flags=re.MULTILINE)
    name = f"python-ml-{secrets.token_hex(4)}"
    example = read_example().replace('id = "python-ml"', f'id = "{name}"\ndockerfile = "RUN echo -n note > /opt/note"')
    example = re.sub(r"^python = .*", 'python = ["emoji==2.15.0"]', example, flags=re.MULTILINE)
    (tmp_path / "python.toml").write_text(base)
    (tmp_path / f"{name}.toml").write_text(example)
    yield load_languages(tmp_path)[name]
    remove_images(client, [name])


@pytest.mark.docker
def test_custom_language_is_built_with_its_packages_and_runs(
    client: docker.APIClient, custom: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[BuildEvent] = []

    image = ensure_images(client, [custom], ImageSources.from_repository(ROOT), events.append)[custom.id]

    fractions = [event.fraction for event in events if event.image == custom.id and event.stage == "building"]
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 0.9
    assert any("emoji" in event.line for event in events)
    assert image.version.startswith("3.")
    monkeypatch.setitem(LANGUAGES, custom.id, custom)
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as sandbox:
        result = sandbox.run(job(custom.id, PROGRAM))
    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "True 1 note\n", b"")


@pytest.mark.parametrize(
    "command",
    [
        ("app.cli", "images", "build", "python-ml"),
        ("app.local.up",),
        ("app.worker",),
        ("gunicorn", "app.asgi:create()", "--logger-class", "app.asgi.GunicornLogger"),
    ],
    ids=lambda command: str(command[0]),
)
def test_invalid_language_file_is_one_error_with_file_line_and_field(tmp_path: Path, command: tuple[str, ...]) -> None:
    text = read_example().replace("memory_bytes = 2_147_483_648", 'memory_bytes = "2 GB"')
    (tmp_path / "python-ml.toml").write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYXEC_LANGUAGES": str(tmp_path), "DOCKER_HOST": engine_host()},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert f"{tmp_path}/python-ml.toml:8: `limits.memory_bytes`: Expected `int | null`, got `str`" in line
