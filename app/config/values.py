"""The types of the settings: how the text of an environment variable is parsed and checked."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

__all__ = [
    "AdminKey",
    "FileStorage",
    "Folders",
    "FrameAncestors",
    "Hosts",
    "Namespace",
    "Networks",
    "Origins",
    "OtlpUrl",
    "RedisUrl",
    "Runtime",
    "S3Endpoint",
    "Secret",
    "Switch",
]

# The text becomes a part of the configuration of nginx.
_ORIGIN: Final = r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?"
_FRAME_ANCESTORS: Final = re.compile(rf"(\*|{_ORIGIN}( {_ORIGIN})*)?")

_MIN_ADMIN_KEY_CHARACTERS: Final = 32


def _parse_switch(text: object) -> object:
    if text not in ("on", "off"):
        raise ValueError("must be on or off")
    return text == "on"


def _split_list(text: object) -> object:
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


Switch = Annotated[bool, BeforeValidator(_parse_switch)]
Secret = Annotated[str, BeforeValidator(_read_secret)]
AdminKey = Annotated[Secret, AfterValidator(_check_admin_key)]
Namespace = Annotated[str, AfterValidator(_check_namespace)]
RedisUrl = Annotated[str, AfterValidator(_check_redis_url)]
OtlpUrl = Annotated[str, AfterValidator(_check_otlp_url)]
FileStorage = Annotated[str, AfterValidator(_check_file_storage)]
S3Endpoint = Annotated[str, AfterValidator(_check_s3_endpoint)]
FrameAncestors = Annotated[str, AfterValidator(_check_frame_ancestors)]
Runtime = Annotated[Literal["", "runc", "crun", "kata"], BeforeValidator(_refuse_gvisor)]
Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_folders)]
_TextSet = Annotated[frozenset[str], NoDecode, BeforeValidator(_split_list)]
Networks = Annotated[_TextSet, AfterValidator(_check_networks)]
Origins = Annotated[_TextSet, AfterValidator(_check_origins)]
Hosts = Annotated[_TextSet, AfterValidator(_check_hosts)]
