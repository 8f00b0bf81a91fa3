"""`make web-types`: `python -m app.local.api_types` writes the web page's types of the API, made from its OpenAPI
document."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console

from app.core.errors import PyxecError
from app.http import HttpSettings
from app.http.openapi import make_document
from app.local.errors import SetupError, exit_with
from app.local.state import StateFolder
from app.local.steps import Step, Steps
from app.local.web_page import install_node_packages, npm

__all__ = ["check_api_types"]

_TYPES = Path("src/api/openapi.ts")


def check_api_types(web: Path, state: StateFolder) -> None:
    """Raises SetupError: those that are there are of another document."""
    if _generated(web, state) != (web / _TYPES).read_text():
        raise SetupError(f"web/{_TYPES} is not of this API any more: `make web-types` writes it")


def _generated(web: Path, state: StateFolder) -> str:
    folder = state.data("api-types")
    document, types = folder / "openapi.json", folder / "openapi.ts"
    document.write_bytes(msgspec.json.encode(make_document(HttpSettings())))
    # By default, the generator makes properties with a default value required, also in requests.
    options = ["--default-non-nullable=false", "--output", str(types)]
    npm(["exec", "--", "openapi-typescript", str(document), *options], web, state.log("web-types"))
    return types.read_text()


def _write(root: Path, step: Step) -> None:
    web, state = root / "web", StateFolder.of_repository(root)
    install_node_packages(web, state.log("npm"), step)
    (web / _TYPES).write_text(_generated(web, state))
    step.outcome = f"web/{_TYPES}"


def main() -> None:
    """Write those of the repository in this folder."""
    try:
        with Steps(Console()) as steps, steps.step("web types") as step:
            _write(Path.cwd(), step)
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()
