"""The engines that `make test-cgroup2` tests, and the suites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["RUNS", "Run", "Variant"]


@dataclass(frozen=True)
class Variant:
    """A guest with one engine.

    Attributes:
        name: Cgroup driver, or the runtime if it is not runc.
        suite: Debian suite of the packages docker.io, containerd, runc and crun.
        driver: Cgroup driver of the engine: ``cgroupfs`` or ``systemd``.
        runtime: OCI runtime of the containers. Empty for the default, runc.
    """

    name: str
    suite: str
    driver: str
    runtime: str = ""


@dataclass(frozen=True)
class Run:
    """A suite on one engine.

    Attributes:
        paths: Arguments of pytest.
    """

    variant: Variant
    suite: str
    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.variant.name}/{self.suite}"


_EXCLUDED: Final = (
    # The builds install packages, and the guest has no route to a package server. They do not depend on the cgroups.
    "--ignore=tests/sandbox/images/test_build.py",
    "--ignore=tests/sandbox/images/test_custom_language.py",
    # In user-mode Linux, the shadow memory of AddressSanitizer overlaps another mapping.
    "--ignore=tests/sandbox/cells/test_sanitizers.py",
)
_SUITES: Final = {"sandbox": ("tests/sandbox", *_EXCLUDED), "adversarial": ("tests/adversarial",)}
# crun 1.8 with Engine 20.10 refuses to change the limits of a container on cgroup version 2.
_CRUN: Final = Variant("crun", "bookworm", "cgroupfs", "crun")
_LIMITS: Final = tuple(f"tests/sandbox/test_{name}.py" for name in ("resources", "measurement", "session"))

RUNS: Final = {
    run.name: run
    for run in (
        *(
            Run(Variant(driver, "trixie", driver), suite, paths)
            for driver in ("cgroupfs", "systemd")
            for suite, paths in _SUITES.items()
        ),
        Run(_CRUN, "limits", _LIMITS),
    )
}
