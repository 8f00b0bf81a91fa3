"""Checks the configuration of `make up` before anything is installed, built or started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from app.config import ConfigurationError, read_settings
from app.local.console import SetupError
from app.local.launch_plan import read_addresses, read_procfile
from app.local.valkey import server_command
from app.sandbox.images.catalogue import CatalogueError, load_languages

__all__ = ["check_configuration"]

# The Procfile inserts these into the commands, by variable with the allowed numbers.
_NUMBERS: Final[Mapping[str, range]] = {
    "PYXEC_HTTP_WORKERS": range(1, 257),
    "PYXEC_WORKER_PROCESSES": range(1, 257),
    "PYXEC_WORKER_THREADS": range(1, 1025),
}
_CA_VARIABLE: Final = "PYXEC_EXTRA_CA"


def check_configuration(root: Path, environment: Mapping[str, str]) -> None:
    """Check all settings of the service and of its start, and the language files.

    Args:
        root: The checkout, with the Procfile.
        environment: Environment variables of `make up`.

    Raises:
        SetupError: The message contains a line for each problem.
    """
    problems = [*_find_problems(root, environment)]
    if problems:
        raise SetupError("\n".join(problems))


def _find_problems(root: Path, environment: Mapping[str, str]) -> Iterator[str]:
    try:
        load_languages(*read_settings(environment).language_folders)
    except (ConfigurationError, CatalogueError) as e:
        yield str(e)
    try:
        read_procfile(root / "Procfile")
        read_addresses(environment)
        if not environment.get("REDIS_URL"):
            server_command(root, environment)
    except SetupError as e:
        yield str(e)
    for variable, allowed in _NUMBERS.items():
        text = environment.get(variable) or "1"
        if not text.isdecimal() or int(text) not in allowed:
            yield f"{variable}={text!r}: must be an integer between {allowed[0]} and {allowed[-1]}"
    certificates = environment.get(_CA_VARIABLE)
    if certificates and not Path(certificates).is_file():
        yield f"{_CA_VARIABLE}={certificates!r}: must be a file with CA certificates"
