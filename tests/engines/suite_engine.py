"""The Docker Engine of another release of Debian or Ubuntu, in a mount namespace of this machine."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker

from tests.engines.variants import Variant
from tests.root_file_system import RELEASES, make_root
from tests.sandbox.engine_fixture import PrivateEngine

__all__ = ["SuiteEngine", "ensure_root", "start_suite_engine"]

_PACKAGES = "ca-certificates,containerd,crun,docker.io,iptables,mount,procps,runc"
_SCRIPT = Path(__file__).with_name("dockerd.sh")


class SuiteEngine:
    """A running engine.

    Attributes:
        host: Address, as in DOCKER_HOST.
        client: Client of the engine.
        launcher: Command that starts another dockerd with the same programs and configuration.
    """

    def __init__(self, host: str, client: docker.APIClient, launcher: tuple[str, ...]) -> None:
        self.host = host
        self.client = client
        self.launcher = launcher


def ensure_root(suite: str, folder: Path, packages: str = _PACKAGES) -> Path:
    """Return a root file system with packages of a release. Create it if it is missing.

    Args:
        suite: A key of ``RELEASES``.
        packages: Names, separated by commas. By default those of a Docker Engine.
    """
    root = folder / suite
    if not root.is_dir():
        unfinished = folder / f"{suite}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        make_root(RELEASES[suite], unfinished, packages, "apt")
        unfinished.rename(root)
    return root


@contextlib.contextmanager
def start_suite_engine(variant: Variant, root: Path, data: Path) -> Iterator[SuiteEngine]:
    """Start the engine of a variant and stop it at the end.

    Args:
        root: Root file system with the programs of the suite.
        data: Folder for images and containers. Its images are used again by a later run.
    """
    # The path of a Unix socket is limited to 107 bytes (unix(7)).
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run", ignore_cleanup_errors=True) as run:
        configuration = Path(run) / "daemon.json"
        configuration.write_text(json.dumps({"features": variant.features}))
        launcher = (
            *("unshare", "--mount", "--propagation=private", "/bin/sh", str(_SCRIPT), str(root)),
            *("no" if variant.runtime == "crun" else "yes", f"--config-file={configuration}"),
            *((f"--add-runtime={variant.runtime}=/usr/bin/{variant.runtime}",) if variant.runtime else ()),
        )
        engine = PrivateEngine(Path(run) / "e", data, launcher=launcher)
        try:
            yield SuiteEngine(engine.host, engine.start(), launcher)
        finally:
            engine.stop()
            engine.kill_shims()
