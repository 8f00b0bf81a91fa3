"""The engines that `make test-engines` tests."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

__all__ = ["VARIANTS", "Variant"]

# Suites of Debian and the version of Docker in each (https://tracker.debian.org/pkg/docker.io).
_SUITES = {"26.1": "trixie", "28.5": "unstable"}


@dataclass(frozen=True)
class Variant:
    """One engine with one configuration.

    Attributes:
        name: Version of Docker, and what differs from the default configuration.
        suite: Suite of Debian or Ubuntu with the packages docker.io, containerd, runc and crun.
        has_proxy: Whether a proxy refuses API versions before 1.44, as Docker 29 does.
        has_containerd_store: Whether containerd stores the images.
        runtime: OCI runtime of the containers. Empty for the default, runc.
    """

    name: str
    suite: str
    has_proxy: bool = False
    has_containerd_store: bool = False
    runtime: str = ""

    @property
    def features(self) -> dict[str, bool]:
        """Field ``features`` of the configuration file of dockerd."""
        return {"containerd-snapshotter": self.has_containerd_store}


def _create_variant(version: str, suite: str, difference: str) -> Variant:
    name = f"{version}-{difference}" if difference else version
    return Variant(
        name,
        suite,
        has_proxy=difference == "proxy",
        has_containerd_store=difference == "containerd",
        runtime="crun" if difference == "crun" else "",
    )


VARIANTS = {
    variant.name: variant
    for variant in (
        # Debian 12. Its engine is old, and its crun refuses some requests that later versions accept.
        _create_variant("20.10", "bookworm", ""),
        _create_variant("20.10", "bookworm", "crun"),
        *(
            _create_variant(version, suite, difference)
            for (version, suite), difference in product(_SUITES.items(), ("", "proxy", "containerd", "crun"))
        ),
        # Ubuntu 24.04. Docker 29 refuses API versions before 1.44. crun 1.14 of that release runs no container of this
        # engine: "unknown version specified".
        *(_create_variant("29.1", "noble", difference) for difference in ("", "containerd")),
    )
}
