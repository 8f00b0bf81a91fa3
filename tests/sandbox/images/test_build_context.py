"""Build contexts of the images and their digests."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest

from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language, load_languages

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sources(tmp_path: Path) -> ImageSources:
    """A copy of the sources that a test may change."""
    shutil.copytree(ROOT / "images", tmp_path / "images")
    shutil.copytree(ROOT / "runner", tmp_path / "runner")
    return ImageSources.from_repository(tmp_path)


@pytest.fixture(scope="module")
def python() -> Language:
    return load_languages(ROOT / "languages")["python"]


def test_equal_sources_give_equal_archives_and_digests(sources: ImageSources) -> None:
    first, second = sources.runner_context("sha256:base"), sources.runner_context("sha256:base")

    assert first.digest == second.digest
    assert first.tar().read() == second.tar().read()


def test_digest_changes_with_the_sources_of_the_runner(sources: ImageSources) -> None:
    before = sources.runner_context("sha256:base").digest

    with (sources.runner / "main.c").open("a") as source:
        source.write("\n")

    assert sources.runner_context("sha256:base").digest != before


def test_digest_ignores_object_files(sources: ImageSources) -> None:
    before = sources.runner_context("sha256:base").digest

    (sources.runner / "build").mkdir(exist_ok=True)
    (sources.runner / "build" / "other.o").write_bytes(b"\x7fELF")

    assert sources.runner_context("sha256:base").digest == before


@pytest.mark.parametrize("changed", ["base", "runner", "packages", "setup", "recipe"])
def test_digest_covers_everything_that_determines_the_image(
    sources: ImageSources, python: Language, changed: str
) -> None:
    before = sources.language_context(python, "sha256:base", "runner").digest

    match changed:
        case "base":
            after = sources.language_context(python, "sha256:other", "runner").digest
        case "runner":
            after = sources.language_context(python, "sha256:base", "other").digest
        case "packages":
            more = msgspec.structs.replace(python.packages, debian=(*python.packages.debian, "python3-yaml"))
            language = msgspec.structs.replace(python, packages=more)
            after = sources.language_context(language, "sha256:base", "runner").digest
        case "setup":
            language = msgspec.structs.replace(python, setup="true")
            after = sources.language_context(language, "sha256:base", "runner").digest
        case _:
            (sources.images / "install.sh").write_text("exit 1\n")
            after = sources.language_context(python, "sha256:base", "runner").digest

    assert after != before


def test_digest_ignores_fields_that_do_not_affect_the_image(sources: ImageSources, python: Language) -> None:
    before = sources.language_context(python, "sha256:base", "runner").digest
    renamed = msgspec.structs.replace(python, name="CPython", env={"A": "1"})

    assert sources.language_context(renamed, "sha256:base", "runner").digest == before


def test_context_contains_the_additional_ca_certificates(
    sources: ImageSources, python: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----")
    monkeypatch.setenv("PYXEC_EXTRA_CA", str(bundle))

    context = sources.language_context(python, "sha256:base", "runner")

    with tarfile.open(fileobj=context.tar()) as archive:
        member = archive.extractfile("extra-ca.crt")
        assert member is not None
        assert member.read() == bundle.read_bytes()
