"""What goes into an image: build contexts made in memory, and the digests that tell whether one has to be built."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.sandbox.images.catalogue import Language

__all__ = ["BuildContext", "ImageSources"]

# A company whose proxy re-signs traffic names its certificates in one of these; the first that is set is taken.
_CA_VARIABLES = ("PYXEC_EXTRA_CA", "SSL_CERT_FILE", "PIP_CERT")
_RUNNER_SUFFIXES = (".c", ".h", ".inc")
_DIGEST_LENGTH = 16


@dataclass(frozen=True)
class BuildContext:
    """The files of one build by their name in the context, and the digest of all that decides its result."""

    files: Mapping[str, bytes]
    digest: str

    def tar(self) -> io.BytesIO:
        """Pack the files; the same files give the same bytes, so that the engine's build cache is hit."""
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
    """Where the sources of all images are: the folders ``images/`` and ``runner/``."""

    images: Path
    runner: Path

    @classmethod
    def of_repository(cls, root: Path) -> ImageSources:
        """The sources of the repository at `root`."""
        return cls(images=root / "images", runner=root / "runner")

    def runner_context(self, base_id: str) -> BuildContext:
        """The context of the image that holds nothing but the runner."""
        recipe = {"Dockerfile": self._read("runner/Dockerfile"), "install.sh": self._read("install.sh")}
        sources = {f"runner/{name}": content for name, content in self._runner_files().items()}
        digest = _digest({**recipe, **sources}, base_id)
        return BuildContext({**recipe, **sources, "extra-ca.crt": _extra_ca()}, digest)

    def language_context(self, language: Language, base_id: str, runner_digest: str) -> BuildContext:
        """The context of one language's image.

        The certificates are left out of the digest: they help to fetch packages and change nothing in the result.
        """
        names = ("Dockerfile", "install.sh", "finish.sh")
        recipe = {name: self._read(name) for name in names} | {"setup.sh": language.setup.encode()}
        contents = msgspec.json.encode([language.id, language.packages, language.version])
        digest = _digest({**recipe, "language": contents}, base_id, runner_digest)
        return BuildContext({**recipe, "extra-ca.crt": _extra_ca()}, digest)

    def _read(self, name: str) -> bytes:
        return (self.images / name).read_bytes()

    def _runner_files(self) -> dict[str, bytes]:
        paths = [path for path in self.runner.rglob("*") if path.suffix in _RUNNER_SUFFIXES or path.name == "Makefile"]
        return {str(path.relative_to(self.runner)): path.read_bytes() for path in sorted(paths)}


def _digest(files: Mapping[str, bytes], *others: str) -> str:
    state = hashlib.sha256()
    for part in (*(piece for item in sorted(files.items()) for piece in item), *others):
        data = part if isinstance(part, bytes) else part.encode()
        # The length goes first, so that no two lists of parts run together into the same bytes.
        state.update(len(data).to_bytes(8, "big") + data)
    return state.hexdigest()[:_DIGEST_LENGTH]


def _extra_ca() -> bytes:
    for variable in _CA_VARIABLES:
        path = os.environ.get(variable)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return b""
