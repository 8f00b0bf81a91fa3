"""deploy/compose.yaml: docker-compose.yml with published images instead of builds.

`python -m deploy.release.compose_file` writes it. A test compares it with docker-compose.yml.
"""

from __future__ import annotations

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
        if name not in services:  # the profile `monitoring` needs files of the checkout
            continue
        services[name]["deploy"] = {**services[name].get("deploy", {}), **changes["deploy"]}
    services = {name: _with_published_image(name, service) for name, service in services.items()}
    document["services"] = services
    document["secrets"]["extra-ca"]["file"] = _CERTIFICATES
    parts = {name: part for name, part in document.items() if not name.startswith("x-")}
    return _HEADER + yaml.dump(parts, Dumper=_PlainDumper, sort_keys=False, width=120)


def _with_published_image(name: str, service: dict[str, Any]) -> dict[str, Any]:
    image = f"${{PYXEC_IMAGE_PREFIX:-pyxec}}-{name}:${{PYXEC_VERSION:-{VERSION}}}"
    return {"image": image, **{key: value for key, value in service.items() if key != "build"}}


class _PlainDumper(yaml.SafeDumper):
    """Writes shared parts out instead of anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: no part is an alias."""
        return True


if __name__ == "__main__":
    files = (Path(name).read_text() for name in ("docker-compose.yml", "docker-compose.override.yml"))
    Path("deploy/compose.yaml").write_text(create_compose_file(*files))
