"""Reads the settings from environment variables."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from app.config.settings import Settings
from app.config.table import describe_allowed_values, find_fields

__all__ = ["LAUNCH_VARIABLES", "ConfigurationError", "read_language_folders", "read_settings"]

# The Procfile, docker-compose.yml, the Makefile, `make up`, the tests and the command line read these, not the service.
LAUNCH_VARIABLES: Final = frozenset(
    {
        "PYXEC_API_KEY",
        "PYXEC_BASE_IMAGE",
        "PYXEC_CADDY_NETWORK",
        "PYXEC_DOCKER_SOCKET",
        "PYXEC_DOMAIN",
        "PYXEC_EXTRA_CA",
        "PYXEC_GRAFANA_IMAGE",
        "PYXEC_GRAFANA_PORT",
        "PYXEC_HTTP_BIND",
        "PYXEC_HTTP_SOCKET",
        "PYXEC_HTTP_WORKERS",
        "PYXEC_IMAGE_PREFIX",
        "PYXEC_PROMETHEUS_PORT",
        "PYXEC_PROMETHEUS_RETENTION",
        "PYXEC_TEST_EXAMPLES",
        "PYXEC_TEST_LANGUAGES",
        "PYXEC_TEST_PATIENCE",
        "PYXEC_TLS_PORT",
        "PYXEC_URL",
        "PYXEC_WEB_ADDRESS",
        "PYXEC_WEB_BIND",
        "PYXEC_WEB_PORT",
        "PYXEC_WORKER_PROCESSES",
        "PYXEC_WORKER_THREADS",
        "PYXEC_WORKERS",
    }
)


class ConfigurationError(Exception):
    """The environment contains invalid settings. The message has one line for each of them."""


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables.

    Raises:
        ConfigurationError: A variable has an invalid value, or its name starts with ``PYXEC_`` and it is not a setting.
            The message lists all of them.
    """
    source = EnvSettingsSource(Settings)
    source.env_vars = {variable: text for variable, text in environment.items() if text}
    if _is_public(environment):
        source.env_vars = {"PYXEC_ANONYMOUS": "off"} | dict(source.env_vars)
    known = find_fields()
    problems = [
        f"{variable}: there is no such setting"
        for variable in environment
        if variable.startswith("PYXEC_") and variable not in known and variable not in LAUNCH_VARIABLES
    ]
    try:
        settings = Settings(_build_sources=((source,), {}))  # type: ignore[call-arg]  # hidden by dataclass_transform
    except ValidationError as e:
        for error in e.errors():
            location = str(error["loc"][0])
            # pydantic names the variable of a value, and the field of a default.
            field = Settings.model_fields.get(location)
            variable = location if field is None else str(field.validation_alias)
            # The URL can contain a password, and the message is logged.
            value = environment.get(variable) or str(known[variable].default)
            setting = variable if variable == "REDIS_URL" else f"{variable}={value!r}"
            reason = error.get("ctx", {}).get("error")  # from a validator of this module
            problems.append(f"{setting}: {reason or 'must be ' + describe_allowed_values(known[variable])}")
    if problems:
        raise ConfigurationError("\n".join(sorted(problems)))
    return settings


def _is_public(environment: Mapping[str, str]) -> bool:
    """Return whether other machines can reach the page or the API.

    Docker Compose publishes the page on the IP address in PYXEC_WEB_ADDRESS. The other variables contain the address
    and the port of a process. `make up` and Docker refuse values of another form.
    """
    published = environment.get("PYXEC_WEB_ADDRESS") or "127.0.0.1"
    binds = (environment.get(variable, "") for variable in ("PYXEC_WEB_BIND", "PYXEC_HTTP_BIND"))
    hosts = [bind.rpartition(":")[0].strip("[]") for bind in binds if ":" in bind]
    return _is_address(published) and not all(map(_is_loopback, [published, *hosts]))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def read_language_folders(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return all folders with languages, for programs that need no other setting.

    Raises:
        ConfigurationError: ``PYXEC_LANGUAGES`` is invalid.
    """
    variables = {name: value for name, value in environment.items() if name == "PYXEC_LANGUAGES"}
    return read_settings(variables).language_folders
