"""The environment, read once into one frozen Settings; every mistake in it is reported at the same time.

The table below is the whole configuration: the README's table is checked against it by a test.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

__all__ = ["OPTIONS", "ConfigurationError", "Option", "Settings", "read_settings"]


class ConfigurationError(Exception):
    """The environment is wrong. The message has one line for every mistake."""


@dataclass(frozen=True)
class Option:
    """One environment variable: its default as text, how it is read, and what it means."""

    variable: str
    default: str
    parse: Callable[[str], Any]
    meaning: str


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"must be from {minimum} to {maximum}")
        return value

    return parse


def _seconds(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"must be from {minimum:g} to {maximum:g} seconds")
        return value

    return parse


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _redis_url(text: str) -> str:
    if text.startswith(("sentinel://", "sentinels://")):  # with several hosts: no URL for urlsplit
        from app.broker.sentinel import check_sentinel_url  # brings the whole broker with it: only where it is used

        check_sentinel_url(text)
        return text
    address = urlsplit(text)
    if address.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must start with redis://, rediss://, unix://, sentinel:// or sentinels://")
    try:
        _ = address.port
    except ValueError as e:
        raise ValueError("must have a number as its port") from e
    return text


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        address = urlsplit(origin)
        if address.scheme not in ("http", "https") or origin != f"{address.scheme}://{address.netloc}":
            raise ValueError("must be origins like https://example.org, with commas between them")
    return origins


def _proxies(text: str) -> frozenset[str]:
    ranges = frozenset(part.strip() for part in text.split(",") if part.strip())
    for one in ranges - {"unix"}:
        try:
            ipaddress.ip_network(one)
        except ValueError as e:
            raise ValueError("must be addresses or ranges like 10.0.0.0/8, or unix, with commas between them") from e
    return ranges


def _http_address(text: str) -> str:
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise ValueError("must be an address like http://localhost:4318, the one for OTLP over HTTP")
    return text


def _on_or_off(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _optional_path(text: str) -> Path | None:
    return Path(text) if text else None


def _name(text: str) -> str:
    if not text or not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError("must be letters, digits, '-' and '_'")
    return text


OPTIONS: Final[dict[str, Option]] = {
    "redis_url": Option(
        "REDIS_URL",
        "redis://127.0.0.1:6399/0",
        _redis_url,
        "the Redis or Valkey server; `sentinel://host:port,host:port/service` finds the master",
    ),
    "redis_password_file": Option(
        "PYXEC_REDIS_PASSWORD_FILE",
        "",
        _optional_path,
        "a file with the password of that server, instead of one in its URL",
    ),
    "namespace": Option("PYXEC_NAMESPACE", "pyxec", _name, "prefix of every key, so that a server can be shared"),
    "redis_timeout_seconds": Option(
        "PYXEC_REDIS_TIMEOUT_SECONDS", "2", _seconds(0.1, 60), "an unanswered Redis command becomes a 503 after this"
    ),
    "max_backlog": Option("PYXEC_MAX_BACKLOG", "100000", _whole(1, 10**8), "queued jobs before the API answers 503"),
    "result_ttl_seconds": Option(
        "PYXEC_RESULT_TTL_SECONDS", "3600", _whole(1, 30 * 86400), "how long a finished job and its output are kept"
    ),
    "lease_seconds": Option(
        "PYXEC_LEASE_SECONDS", "15", _seconds(0.5, 600), "a silent worker loses its jobs after this"
    ),
    "max_deliveries": Option(
        "PYXEC_MAX_DELIVERIES", "3", _whole(1, 100), "starts of a job before it becomes a dead letter"
    ),
    "rate_per_minute": Option(
        "PYXEC_RATE_PER_MINUTE", "600", _whole(1, 10**9), "submissions a minute of one address without a key"
    ),
    "rate_burst": Option("PYXEC_RATE_BURST", "100", _whole(1, 10**9), "submissions such an address may make at once"),
    "global_rate_per_minute": Option(
        "PYXEC_GLOBAL_RATE_PER_MINUTE", "600000", _whole(1, 10**9), "submissions a minute of all callers together"
    ),
    "anonymous": Option("PYXEC_ANONYMOUS", "on", _on_or_off, "`off`: nothing may be done without an API key"),
    "anonymous_jobs": Option(
        "PYXEC_ANONYMOUS_JOBS", "1000", _whole(1, 10**6), "unfinished jobs that one address may have without a key"
    ),
    "admin_key_file": Option(
        "PYXEC_ADMIN_KEY_FILE", "", _optional_path, "a file with an admin key of yours, at least 32 characters long"
    ),
    "trusted_proxies": Option(
        "PYXEC_TRUSTED_PROXIES",
        "",
        _proxies,
        "ranges, with commas, whose `X-Forwarded-For` is believed",
    ),
    "webhook_allow_private": Option(
        "PYXEC_WEBHOOK_ALLOW_PRIVATE", "off", _on_or_off, "`on`: webhooks may go to private addresses, too"
    ),
    "max_body_bytes": Option(
        "PYXEC_MAX_BODY_BYTES", str(12 * 1024 * 1024), _whole(1024, 2**30), "largest request body; above it 413"
    ),
    "max_wait_seconds": Option("PYXEC_MAX_WAIT_SECONDS", "60", _seconds(0, 3600), "longest ?wait= of a submission"),
    "drain_seconds": Option(
        "PYXEC_DRAIN_SECONDS", "0", _seconds(0, 300), "how long /readyz says 503 before a stopping API stops listening"
    ),
    "allowed_origins": Option(
        "PYXEC_ALLOWED_ORIGINS",
        "",
        _origins,
        "web origins, with commas, that may open a WebSocket, or use goxec's API, besides our own",
    ),
    "docker_host": Option("DOCKER_HOST", "unix:///var/run/docker.sock", str, "the Docker Engine; only workers use it"),
    "container_runtime": Option(
        "PYXEC_CONTAINER_RUNTIME", "", _one_of("", "runc", "crun", "runsc", "kata"), "OCI runtime; empty: the engine's"
    ),
    "pool_floor": Option(
        "PYXEC_POOL_FLOOR",
        "1",
        _whole(0, 100),
        "warm sandboxes of each default language, per worker process; any other has them once it is used",
    ),
    "pool_ceiling": Option(
        "PYXEC_POOL_CEILING", "4", _whole(0, 100), "warm sandboxes of a language while it is in use"
    ),
    "engine_timeout_seconds": Option(
        "PYXEC_ENGINE_TIMEOUT_SECONDS", "30", _seconds(1, 600), "an unanswered engine call is an infrastructure fault"
    ),
    "sandbox_cpus": Option("PYXEC_SANDBOX_CPUS", "1", _seconds(0.05, 64), "processors that one sandbox may use"),
    "otlp_endpoint": Option(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "", _http_address, "an OpenTelemetry collector for traces (docs/telemetry.md)"
    ),
}


@dataclass(frozen=True)
class Settings:
    """What the environment said, checked. The fields are the rows of OPTIONS; ``redis_url`` has the password in it that
    ``redis_password_file`` holds."""

    redis_url: str
    redis_password_file: Path | None
    namespace: str
    redis_timeout_seconds: float
    max_backlog: int
    result_ttl_seconds: int
    lease_seconds: float
    max_deliveries: int
    rate_per_minute: int
    rate_burst: int
    global_rate_per_minute: int
    anonymous: bool
    anonymous_jobs: int
    admin_key_file: Path | None
    trusted_proxies: frozenset[str]
    webhook_allow_private: bool
    max_body_bytes: int
    max_wait_seconds: float
    drain_seconds: float
    allowed_origins: frozenset[str]
    docker_host: str
    container_runtime: str
    pool_floor: int
    pool_ceiling: int
    engine_timeout_seconds: float
    sandbox_cpus: float
    otlp_endpoint: str


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read every option.

    Raises:
        ConfigurationError: with all mistakes, each naming its variable.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for field in fields(Settings):
        option = OPTIONS[field.name]
        text = source.get(option.variable) or option.default
        try:
            values[field.name] = option.parse(text)
        except ValueError as e:
            mistakes.append(f"{_shown(option, text)}: {e}")
    known = {option.variable for option in OPTIONS.values()} | LAUNCH_VARIABLES
    mistakes += [
        f"{name}: there is no such setting" for name in source if name.startswith("PYXEC_") and name not in known
    ]
    if not mistakes and values["redis_password_file"] is not None:
        try:
            values["redis_url"] = _with_password(values["redis_url"], values["redis_password_file"])
        except (OSError, ValueError) as e:
            mistakes.append(f"PYXEC_REDIS_PASSWORD_FILE={str(values['redis_password_file'])!r}: {e}")
    if mistakes:
        raise ConfigurationError("\n".join(sorted(mistakes)))
    return Settings(**values)


def _with_password(url: str, path: Path) -> str:
    scheme, _, rest = url.partition("://")
    place, slash, tail = rest.partition("/")
    login, _, hosts = place.rpartition("@")
    if ":" in login:
        raise ValueError("there is a password in REDIS_URL already")
    password = path.read_text("utf-8").strip()
    if not password:
        raise ValueError("there is no password in this file")
    return f"{scheme}://{login}:{quote(password, safe='')}@{hosts}{slash}{tail}"


def _shown(option: Option, text: str) -> str:
    # An address may carry a password, and mistakes go to the log.
    return option.variable if option.parse is _redis_url else f"{option.variable}={text!r}"


# Read by the Procfile, docker-compose.yml, the Makefile, the local set-up and the command line, not by the service.
LAUNCH_VARIABLES: Final = frozenset(
    {
        "PYXEC_API_KEY",
        "PYXEC_BASE_IMAGE",
        "PYXEC_DOCKER_SOCKET",
        "PYXEC_EXTRA_CA",
        "PYXEC_HTTP_BIND",
        "PYXEC_HTTP_WORKERS",
        "PYXEC_TEST_LANGUAGES",
        "PYXEC_URL",
        "PYXEC_WEB_BIND",
        "PYXEC_WEB_PORT",
        "PYXEC_WORKER_PROCESSES",
        "PYXEC_WORKER_THREADS",
    }
)
