"""Build contexts of the images, created in memory, and the digests that show whether an image is out of date."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from app.sandbox.images.catalogue import Language

__all__ = ["BuildContext", "ImageSources"]

# The first variable that is set names additional CA certificates, for a proxy that re-encrypts TLS.
_CA_VARIABLES: Final = ("PYXEC_EXTRA_CA", "SSL_CERT_FILE", "PIP_CERT")
_RUNNER_SUFFIXES: Final = (".c", ".h", ".inc")
_DIGEST_LENGTH: Final = 16
# The line of images/Dockerfile after which the instructions of a language are inserted.
_INSTRUCTIONS: Final = b"# The instructions of the language, its field `dockerfile`.\n"


@dataclass(frozen=True)
class BuildContext:
    """Files of one build.

    Attributes:
        files: Content by name in the context.
        digest: Digest of everything that determines the result of the build.
    """

    files: Mapping[str, bytes]
    digest: str

    def tar(self) -> io.BytesIO:
        """Return the files as a tar archive. Equal files give equal bytes, as the engine's build cache requires."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                entry.mode = 0o644
                tar.addfile(entry, io.BytesIO(content))
        archive.seek(0)
        return archive


@dataclass(frozen=True)
class ImageSources:
    """Folders with the sources of all images.

    Attributes:
        images: Dockerfiles and scripts.
        runner: C sources of the runner.
    """

    images: Path
    runner: Path

    @classmethod
    def from_repository(cls, root: Path) -> ImageSources:
        """Return the folders of the repository at ``root``."""
        return cls(images=root / "images", runner=root / "runner")

    def runner_context(self, base_id: str) -> BuildContext:
        """Return the context of the image that contains only the runner.

        Args:
            base_id: Digest of the layers of the base image.
        """
        names = {"Dockerfile": "runner/Dockerfile", "nss_sandbox.c": "runner/nss_sandbox.c", "install.sh": "install.sh"}
        recipe = {name: self._read(path) for name, path in names.items()}
        sources = {f"runner/{name}": content for name, content in self._runner_files().items()}
        digest = _digest({**recipe, **sources}, base_id)
        return BuildContext({**recipe, **sources, "extra-ca.crt": _extra_ca()}, digest)

    def language_context(self, language: Language, base_id: str, runner_digest: str) -> BuildContext:
        """Return the context of the image of a language.

        The digest does not cover the CA certificates: they are needed to fetch packages and do not change the result.
        """
        names = ("Dockerfile", "install.sh", "finish.sh")
        recipe = {name: self._read(name) for name in names} | {"setup.sh": language.setup.encode()}
        recipe["Dockerfile"] = _insert_instructions(recipe["Dockerfile"], language.dockerfile)
        contents = msgspec.json.encode([language.id, language.packages, language.version_probe])
        digest = _digest({**recipe, "language": contents}, base_id, runner_digest)
        return BuildContext({**recipe, "extra-ca.crt": _extra_ca()}, digest)

    def _read(self, name: str) -> bytes:
        return (self.images / name).read_bytes()

    def _runner_files(self) -> dict[str, bytes]:
        paths = [path for path in self.runner.rglob("*") if path.suffix in _RUNNER_SUFFIXES or path.name == "Makefile"]
        return {str(path.relative_to(self.runner)): path.read_bytes() for path in sorted(paths)}


def _insert_instructions(dockerfile: bytes, instructions: str) -> bytes:
    """Insert the instructions of a language into the stage of the packages."""
    if not instructions:
        return dockerfile
    before, mark, after = dockerfile.partition(_INSTRUCTIONS)
    assert mark
    return b"".join((before, mark, instructions.strip().encode(), b"\nUSER root\n", after))


def _digest(files: Mapping[str, bytes], *others: str) -> str:
    state = hashlib.sha256()
    for part in (*(piece for item in sorted(files.items()) for piece in item), *others):
        data = part if isinstance(part, bytes) else part.encode()
        # With the length before each part, different lists of parts never give the same bytes.
        state.update(len(data).to_bytes(8, "big") + data)
    return state.hexdigest()[:_DIGEST_LENGTH]


def _extra_ca() -> bytes:
    for variable in _CA_VARIABLES:
        path = os.environ.get(variable)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return b""
