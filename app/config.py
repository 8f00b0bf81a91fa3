"""Configuration of the service: every environment variable, its default and its allowed values."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_origin
from urllib.parse import quote, urlsplit

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    AliasGenerator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from app.resources import LANGUAGES

__all__ = [
    "LAUNCH_VARIABLES",
    "ConfigurationError",
    "Settings",
    "read_language_folders",
    "read_settings",
    "settings_table",
]

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

# The text becomes a part of the configuration of nginx.
_ORIGIN: Final = r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?"
_FRAME_ANCESTORS: Final = re.compile(rf"(\*|{_ORIGIN}( {_ORIGIN})*)?")

_MIN_ADMIN_KEY_CHARACTERS: Final = 32

# A worker whose connection hangs renews its lease after 1/4 of the lease, the time-out of Redis and 1/16 of the lease
# (app/broker/lua/recovery_rule.lua). If 11/16 of the lease are shorter than the time-out, it loses its jobs.
_MIN_LEASE_TIMEOUTS: Final = 1.5


class ConfigurationError(Exception):
    """The environment contains invalid settings. The message has one line for each of them."""


def _parse_switch(text: object) -> object:
    if text not in ("on", "off"):
        raise ValueError("must be on or off")
    return text == "on"


def _split(text: object) -> object:
    return frozenset(part.strip() for part in str(text).split(",") if part.strip())


def _split_folders(text: object) -> object:
    folders = tuple(Path(part) for part in str(text).split(os.pathsep) if part)
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"must be folders separated by {os.pathsep!r}, and {str(folder)!r} is not a folder")
    return folders


def _check_namespace(text: str) -> str:
    if not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError("must consist of letters, digits, '-' and '_'")
    return text


def _check_redis_url(text: str) -> str:
    if text.startswith(("sentinel://", "sentinels://")):
        from app.broker.sentinel import check_sentinel_url  # imports the whole broker

        check_sentinel_url(text)
        return text
    url = urlsplit(text)
    if url.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must start with redis://, rediss://, unix://, sentinel:// or sentinels://")
    try:
        _ = url.port
    except ValueError as e:
        raise ValueError("must have a port between 0 and 65535") from e
    return text


def _check_frame_ancestors(text: str) -> str:
    if not _FRAME_ANCESTORS.fullmatch(text):
        raise ValueError("must be * or origins separated by spaces, for example https://school.example")
    return text


def _check_otlp_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be the URL of an OTLP over HTTP endpoint, for example http://localhost:4318")
    return text


def _check_origins(origins: frozenset[str]) -> frozenset[str]:
    for origin in origins:
        url = urlsplit(origin)
        if url.scheme not in ("http", "https") or origin != f"{url.scheme}://{url.netloc}":
            raise ValueError("must be origins separated by commas, for example https://example.org")
    return origins


def _refuse_gvisor(runtime: object) -> object:
    if runtime == "runsc":
        raise ValueError("is not supported, because a job can forge its result in gVisor: use runc, crun or kata")
    return runtime


def _check_file_storage(text: str) -> str:
    kind, _, path = text.partition(":")
    is_folder = kind == "dir" and path.startswith("/")
    if text != "redis" and not is_folder and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*", text):
        raise ValueError("must be redis, dir:/path or s3://bucket")
    return text


def _check_s3_endpoint(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be the URL of an S3-compatible service, for example https://s3.example.org")
    return text


def _check_hosts(hosts: frozenset[str]) -> frozenset[str]:
    for host in hosts - {"*"}:
        if not re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", host):
            raise ValueError("must be host names in lower case, separated by commas, for example pyxec.example.org")
    return hosts


def _check_networks(networks: frozenset[str]) -> frozenset[str]:
    for network in networks - {"unix"}:
        try:
            ipaddress.ip_network(network)
        except ValueError as e:
            raise ValueError("must be networks separated by commas, for example 10.0.0.0/8, or unix") from e
    return networks


def _read_secret(path: object) -> str:
    try:
        secret = Path(str(path)).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ValueError(f"must be a readable text file: {e}") from e
    if not secret:
        raise ValueError("must be a file that is not empty")
    return secret


def _check_admin_key(key: str) -> str:
    if len(key) < _MIN_ADMIN_KEY_CHARACTERS:
        raise ValueError(f"must be a file with a key of at least {_MIN_ADMIN_KEY_CHARACTERS} characters")
    return key


_Switch = Annotated[bool, BeforeValidator(_parse_switch)]
_Secret = Annotated[str, BeforeValidator(_read_secret)]
_Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_folders)]
_Set = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The settings of the service.

    The variable of a field is ``PYXEC_`` and its name in capitals, unless the field has an alias. An empty variable
    counts as unset. The variable of a secret ends in ``_FILE`` and contains the path of the file to read. The string
    below each field is its description in the documentation.
    """

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: f"PYXEC_{name.upper()}"),
        case_sensitive=True,
        env_ignore_empty=True,
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    redis_password: _Secret | None = Field(None, validation_alias="PYXEC_REDIS_PASSWORD_FILE", repr=False)
    """File with the Redis password, as an alternative to a password in `REDIS_URL`."""
    redis_url: Annotated[str, AfterValidator(_check_redis_url)] = Field(
        "redis://127.0.0.1:6399/0", validation_alias="REDIS_URL", validate_default=True, repr=False
    )
    """Redis or Valkey server. `sentinel://host:port,host:port/service` asks Sentinels for the master."""
    namespace: Annotated[str, AfterValidator(_check_namespace)] = "pyxec"
    """Prefix of every Redis key. Installations with different prefixes can share a server."""
    redis_timeout_seconds: float = Field(2.0, ge=0.1, le=60)
    """Time limit of a Redis command. If Redis does not reply in time, the API returns 503."""
    max_backlog: int = Field(100_000, ge=1, le=10**8)
    """Maximum number of queued jobs. If the queue is full, the API returns 503."""
    result_ttl_seconds: int = Field(3600, ge=1, le=30 * 86400)
    """Time for which a finished job and its output are kept."""
    lease_seconds: float = Field(15.0, ge=1, le=600, validate_default=True)
    """Time after which other workers run the jobs of a lost one. At least 1.5 times `PYXEC_REDIS_TIMEOUT_SECONDS`."""
    max_deliveries: int = Field(3, ge=1, le=100)
    """Number of times that a job is started before it becomes a dead letter."""
    rate_per_minute: int = Field(600, ge=1, le=10**9)
    """Submissions per minute from one address without an API key."""
    rate_burst: int = Field(100, ge=1, le=10**9)
    """Submissions from one address without an API key that may arrive at once."""
    global_rate_per_minute: int = Field(600_000, ge=1, le=10**9)
    """Submissions per minute from all callers together."""
    anonymous: _Switch = True
    """Whether requests without an API key are allowed. The default is `off` if the service listens on an address that
    other machines can reach (`PYXEC_WEB_ADDRESS`, `PYXEC_WEB_BIND`, `PYXEC_HTTP_BIND`)."""
    anonymous_jobs: int = Field(1000, ge=1, le=10**6)
    """Maximum number of unfinished jobs of one address without an API key."""
    anonymous_storage_bytes: int = Field(512 * 1024 * 1024, ge=64 * 1024 * 1024, le=2**40)
    """Bytes that all jobs of callers without an API key may take in Redis together. Beyond it, the API returns 429."""
    anonymous_file_bytes: int = Field(1024 * 1024 * 1024, ge=1024 * 1024, le=2**44)
    """Bytes that all files of callers without an API key may take in the file storage together."""
    files: Annotated[str, AfterValidator(_check_file_storage)] = "redis"
    """Where files are stored: `redis`, a folder that all gateways and workers see, `dir:/path`, or a bucket,
    `s3://bucket` or `s3://bucket/prefix`."""
    s3_endpoint: Annotated[str, AfterValidator(_check_s3_endpoint)] = ""
    """URL of the S3-compatible service of `PYXEC_FILES`. By default, the service of Amazon."""
    s3_region: str = "us-east-1"
    """Region of the bucket of `PYXEC_FILES`."""
    s3_access_key: _Secret | None = Field(None, validation_alias="PYXEC_S3_ACCESS_KEY_FILE", repr=False)
    """File with the access key of the bucket. By default, the credentials that the AWS SDK finds."""
    s3_secret_key: _Secret | None = Field(None, validation_alias="PYXEC_S3_SECRET_KEY_FILE", repr=False)
    """File with the secret key that belongs to the access key."""
    file_ttl_seconds: int = Field(86_400, ge=1, le=365 * 86400)
    """Time for which a file is kept after its last use."""
    max_file_bytes: int = Field(1024 * 1024 * 1024, ge=1024, le=2**40)
    """Maximum size of a file. In Redis, it is at most 67108864."""
    file_cache: str = ""
    """Folder of the files of running jobs on each worker host. By default, a folder below the folder for temporary
    files."""
    file_cache_bytes: int = Field(4 * 1024 * 1024 * 1024, ge=2 * 1024 * 1024 * 1024, le=2**44)
    """Maximum size of the folder of `PYXEC_FILE_CACHE`."""
    links: int = Field(1000, ge=0, le=10**6)
    """Maximum number of short links of the web editor that an API key may have. 0: API keys may not create them."""
    anonymous_links: int = Field(0, ge=0, le=10**6)
    """Maximum number of short links that one address without an API key may have. 0: it may not create them."""
    link_ttl_seconds: int = Field(30 * 86_400, ge=1, le=365 * 86_400)
    """Time for which a short link is kept."""
    link_bytes: int = Field(64 * 1024 * 1024, ge=65_536, le=2**40)
    """Bytes that all short links may take in Redis together."""
    frame_ancestors: Annotated[str, AfterValidator(_check_frame_ancestors)] = ""
    """Origins, separated by spaces, whose pages may show programs of the web editor in a frame
    (`https://school.example https://*.school.example`). By default, none. `*` allows all pages."""
    admin_key: Annotated[_Secret, AfterValidator(_check_admin_key)] | None = Field(
        None, validation_alias="PYXEC_ADMIN_KEY_FILE", repr=False
    )
    """File with an admin API key of at least 32 characters."""
    trusted_proxies: Annotated[_Set, AfterValidator(_check_networks)] = frozenset()
    """Networks, separated by commas, whose `X-Forwarded-For` header is trusted. `unix` stands for Unix sockets."""
    webhook_allow_private: _Switch = False
    """Whether webhooks may be sent to private addresses."""
    max_body_bytes: int = Field(12 * 1024 * 1024, ge=1024, le=2**30)
    """Maximum size of a request body. If a body is larger, the API returns 413."""
    max_wait_seconds: float = Field(60.0, ge=0, le=3600)
    """Maximum value of `?wait=` in a submission."""
    drain_seconds: float = Field(0.0, ge=0, le=300)
    """Time for which `/readyz` returns 503 before a stopping API stops listening."""
    allowed_origins: Annotated[_Set, AfterValidator(_check_origins)] = frozenset()
    """Web origins, separated by commas, that may open a WebSocket or call the goxec API, besides the API's own."""
    allowed_hosts: Annotated[_Set, AfterValidator(_check_hosts)] = frozenset()
    """Host names, separated by commas, that the API serves besides addresses and names without a dot; `*` for all."""
    piston_any_version: _Switch = True
    """Whether Piston's API uses the nearest installed version if the requested version is not installed."""
    docker_host: str = Field("unix:///var/run/docker.sock", validation_alias="DOCKER_HOST")
    """Docker Engine. Only workers use it."""
    container_runtime: Annotated[Literal["", "runc", "crun", "kata"], BeforeValidator(_refuse_gvisor)] = ""
    """OCI runtime of the sandboxes. By default, the engine chooses the runtime."""
    isolation: Literal["container", "cell"] = "container"
    """Whether each job has a container of its own, or a nested one in a container that serves many jobs."""
    cell_max_jobs: int = Field(1000, ge=1, le=10**6)
    """Number of jobs after which a cell is replaced."""
    cell_max_age: float = Field(3600.0, ge=1, le=7 * 86400)
    """Age in seconds from which on a cell starts no further job and is replaced."""
    cell_sharing: Literal["any", "caller"] = "any"
    """Whether a cell serves all callers, or only the API key or address of its first job."""
    languages: _Folders = ()
    """Folders, separated by `:`, with additional languages: TOML files as in `languages/` (docs/languages.md)."""
    pool_floor: int = Field(1, ge=0, le=100)
    """Warm sandboxes of each default language per worker process. Other languages have them after their first use."""
    pool_ceiling: int = Field(4, ge=0, le=100)
    """Maximum number of warm sandboxes of a language that is in use."""
    engine_timeout_seconds: float = Field(30.0, ge=1, le=600)
    """Time limit of an engine call. If the engine does not reply in time, it is an infrastructure fault."""
    worker_probe_port: int = Field(0, ge=0, le=65_535)
    """Port, on all interfaces, on which a worker serves `/livez` and `/readyz`. 0 for none."""
    sandbox_cpus: float = Field(1.0, ge=0.05, le=64)
    """Number of CPUs that a sandbox may use."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity of the log lines of all processes. `debug` includes those of libraries."""
    otlp_endpoint: Annotated[str, AfterValidator(_check_otlp_url)] = Field(
        "", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    """OpenTelemetry collector for traces (docs/telemetry.md)."""

    @property
    def language_folders(self) -> tuple[Path, ...]:
        """All folders with languages, those of Pyxec first."""
        return (LANGUAGES, *self.languages)

    @field_validator("lease_seconds")
    @classmethod
    def _check_lease(cls, seconds: float, info: ValidationInfo) -> float:
        timeout_seconds = info.data.get("redis_timeout_seconds", 0.0)
        if seconds < _MIN_LEASE_TIMEOUTS * timeout_seconds:
            raise ValueError(
                f"must be at least {_MIN_LEASE_TIMEOUTS:g} times PYXEC_REDIS_TIMEOUT_SECONDS ({timeout_seconds:g})"
            )
        return seconds

    @field_validator("redis_url")
    @classmethod
    def _insert_password(cls, url: str, info: ValidationInfo) -> str:
        password = info.data.get("redis_password")
        if password is None:
            return url
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        user, _, hosts = authority.rpartition("@")
        if ":" in user:
            raise ValueError("must not contain a password if PYXEC_REDIS_PASSWORD_FILE is set")
        return f"{scheme}://{user}:{quote(password, safe='')}@{hosts}{slash}{path}"


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
    known = _fields_by_variable()
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
            problems.append(f"{setting}: {reason or 'must be ' + _allowed_values(known[variable])}")
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


def settings_table() -> str:
    """Return the Markdown table of all settings for the documentation."""
    rows = [
        f"| `{variable}` | {_default(field)} | {_allowed_values(field)} | {field.description} |"
        for variable, field in _fields_by_variable().items()
    ]
    return "\n".join(["| Variable | Default | Allowed values | Meaning |", "|---|---|---|---|", *rows])


def _fields_by_variable() -> dict[str, FieldInfo]:
    return {str(field.validation_alias): field for field in Settings.model_fields.values()}


def _default(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`on`" if field.default else "`off`"
    if field.annotation in (int, float):
        return f"`{field.default:.15g}`"
    return f"`{field.default}`" if field.default else ""


def _allowed_values(field: FieldInfo) -> str:
    """Describe the values of a switch, a number or a choice. Other types have a validator that names them."""
    if field.annotation is bool:
        return "on or off"
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(filter(None, get_args(field.annotation)))
    limits = [limit.ge if isinstance(limit, Ge) else limit.le for limit in field.metadata if isinstance(limit, Ge | Le)]
    if not limits:
        return ""
    return f"{'an integer' if field.annotation is int else 'a number'} between {limits[0]} and {limits[1]}"


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
