"""The settings of the service: every environment variable, its default and its allowed values."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from pydantic import AliasGenerator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.config.values import (
    AdminKey,
    FileStorage,
    Folders,
    FrameAncestors,
    Hosts,
    Namespace,
    Networks,
    Origins,
    OtlpUrl,
    RedisUrl,
    Runtime,
    S3Endpoint,
    Secret,
    Switch,
)
from app.resources import LANGUAGES

__all__ = ["Settings"]

# A worker whose connection hangs renews its lease after 1/4 of the lease, the time-out of Redis and 1/16 of the lease
# (app/broker/lua/recovery_rule.lua). If 11/16 of the lease are shorter than the time-out, it loses its jobs.
_MIN_LEASE_TIMEOUTS: Final = 1.5


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

    redis_password: Secret | None = Field(None, validation_alias="PYXEC_REDIS_PASSWORD_FILE", repr=False)
    """File with the Redis password, as an alternative to a password in `REDIS_URL`."""
    redis_url: RedisUrl = Field(
        "redis://127.0.0.1:6399/0", validation_alias="REDIS_URL", validate_default=True, repr=False
    )
    """Redis or Valkey server. `sentinel://host:port,host:port/service` asks Sentinels for the master."""
    namespace: Namespace = "pyxec"
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
    anonymous: Switch = True
    """Whether requests without an API key are allowed. The default is `off` if the service listens on an address that
    other machines can reach (`PYXEC_WEB_ADDRESS`, `PYXEC_WEB_BIND`, `PYXEC_HTTP_BIND`)."""
    anonymous_jobs: int = Field(1000, ge=1, le=10**6)
    """Maximum number of unfinished jobs of one address without an API key."""
    anonymous_storage_bytes: int = Field(512 * 1024 * 1024, ge=64 * 1024 * 1024, le=2**40)
    """Bytes that all jobs of callers without an API key may take in Redis together. Beyond it, the API returns 429."""
    anonymous_file_bytes: int = Field(1024 * 1024 * 1024, ge=1024 * 1024, le=2**44)
    """Bytes that all files of callers without an API key may take in the file storage together."""
    files: FileStorage = "redis"
    """Where files are stored: `redis`, a folder that all gateways and workers see, `dir:/path`, or a bucket,
    `s3://bucket` or `s3://bucket/prefix`."""
    s3_endpoint: S3Endpoint = ""
    """URL of the S3-compatible service of `PYXEC_FILES`. By default, the service of Amazon."""
    s3_region: str = "us-east-1"
    """Region of the bucket of `PYXEC_FILES`."""
    s3_access_key: Secret | None = Field(None, validation_alias="PYXEC_S3_ACCESS_KEY_FILE", repr=False)
    """File with the access key of the bucket. By default, the credentials that the AWS SDK finds."""
    s3_secret_key: Secret | None = Field(None, validation_alias="PYXEC_S3_SECRET_KEY_FILE", repr=False)
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
    frame_ancestors: FrameAncestors = ""
    """Origins, separated by spaces, whose pages may show programs of the web editor in a frame
    (`https://school.example https://*.school.example`). By default, none. `*` allows all pages."""
    admin_key: AdminKey | None = Field(None, validation_alias="PYXEC_ADMIN_KEY_FILE", repr=False)
    """File with an admin API key of at least 32 characters."""
    trusted_proxies: Networks = frozenset()
    """Networks, separated by commas, whose `X-Forwarded-For` header is trusted. `unix` stands for Unix sockets."""
    webhook_allow_private: Switch = False
    """Whether webhooks may be sent to private addresses."""
    max_body_bytes: int = Field(12 * 1024 * 1024, ge=1024, le=2**30)
    """Maximum size of a request body. If a body is larger, the API returns 413."""
    max_wait_seconds: float = Field(60.0, ge=0, le=3600)
    """Maximum value of `?wait=` in a submission."""
    drain_seconds: float = Field(0.0, ge=0, le=300)
    """Time for which `/readyz` returns 503 before a stopping API stops listening."""
    allowed_origins: Origins = frozenset()
    """Web origins, separated by commas, that may open a WebSocket or call the goxec API, besides the API's own."""
    allowed_hosts: Hosts = frozenset()
    """Host names, separated by commas, that the API serves besides addresses and names without a dot; `*` for all."""
    piston_any_version: Switch = True
    """Whether Piston's API uses the nearest installed version if the requested version is not installed."""
    docker_host: str = Field("unix:///var/run/docker.sock", validation_alias="DOCKER_HOST")
    """Docker Engine. Only workers use it."""
    container_runtime: Runtime = ""
    """OCI runtime of the sandboxes. By default, the engine chooses the runtime."""
    isolation: Literal["container", "cell"] = "container"
    """Whether each job has a container of its own, or a nested one in a container that serves many jobs."""
    cell_max_jobs: int = Field(1000, ge=1, le=10**6)
    """Number of jobs after which a cell is replaced."""
    cell_max_age: float = Field(3600.0, ge=1, le=7 * 86400)
    """Age in seconds from which on a cell starts no further job and is replaced."""
    cell_sharing: Literal["any", "caller"] = "any"
    """Whether a cell serves all callers, or only the API key or address of its first job."""
    languages: Folders = ()
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
    otlp_endpoint: OtlpUrl = Field("", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
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
