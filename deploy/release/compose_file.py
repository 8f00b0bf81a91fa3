"""deploy/compose.yaml: docker-compose.yml with published images instead of builds.

`python -m deploy.release.compose_file` writes it. A test compares it with docker-compose.yml.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from pyxec.version import VERSION

__all__ = ["create_compose_file"]

_HEADER: Final = """\
# Pyxec from published images, without a checkout: `docker compose up -d` next to this file. Generated from
# docker-compose.yml by `python -m deploy.release.compose_file`. PYXEC_IMAGE_PREFIX names your registry, for example
# registry.example.org/pyxec, and PYXEC_VERSION the release. docs/operations.md describes all settings.
"""
_IMAGE: Final = re.compile(r"\$\{PYXEC_IMAGE_PREFIX:-pyxec\}-(\w+)")
# Every file with certificates is optional.
_CERTIFICATES: Final = "${PYXEC_EXTRA_CA:-/dev/null}"


def create_compose_file(compose: str, override: str) -> str:
    """Return the Compose file for published images.

    Args:
        compose: Content of docker-compose.yml.
        override: Content of docker-compose.override.yml.
    """
    document: dict[str, Any] = yaml.safe_load(compose)
    services: dict[str, dict[str, Any]] = document["services"]
    for name, changes in yaml.safe_load(override)["services"].items():
        services[name]["deploy"] = {**services[name].get("deploy", {}), **changes["deploy"]}
    for service in services.values():
        service.pop("build", None)
        service["image"] = _IMAGE.sub(
            rf"${{PYXEC_IMAGE_PREFIX:-pyxec}}-\1:${{PYXEC_VERSION:-{VERSION}}}", service["image"]
        )
    document["secrets"]["extra-ca"]["file"] = _CERTIFICATES
    parts = {name: part for name, part in document.items() if not name.startswith("x-")}
    return _HEADER + yaml.dump(parts, Dumper=_PlainDumper, sort_keys=False, width=120)


class _PlainDumper(yaml.SafeDumper):
    """Writes shared parts out instead of anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: no part is an alias."""
        return True


if __name__ == "__main__":
    files = (Path(name).read_text() for name in ("docker-compose.yml", "docker-compose.override.yml"))
    Path("deploy/compose.yaml").write_text(create_compose_file(*files))
