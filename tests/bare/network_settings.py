"""The network settings of this machine that a new root file system needs: proxies, certificates and package indexes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["copy_network_files", "find_index_folders", "select_network_variables"]

# Environment variables of curl, OpenSSL, pip, npm, Node.js, requests and git.
_VARIABLE: Final = re.compile(
    r"(?i)(http|https|ftp|all|no)_proxy|ssl_cert_(file|dir)|(requests|curl|aws)_ca_bundle|node_extra_ca_certs"
    r"|git_ssl_cainfo|(pip|npm_config|uv)_\w+"
)
_FILES: Final = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/npmrc", "/etc/apt/apt.conf")
_HOME_FILES: Final = (".npmrc", ".pip/pip.conf", ".config/pip/pip.conf")
_FOLDERS: Final = ("/etc/xdg/pip", "/etc/apt/auth.conf.d", "/usr/local/share/ca-certificates")
_APT_FOLDER: Final = Path("/etc/apt/apt.conf.d")
_PATH: Final = re.compile(r"(?<![\w:/.])(?:file://)?(/[\w.+-]+(?:/[\w.+-]+)*)")


def select_network_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables that set proxies, certificates and package indexes."""
    return {name: value for name, value in environment.items() if _VARIABLE.fullmatch(name)}


def copy_network_files(root: Path) -> None:
    """Copy the files with settings of the network to a root file system. Its sources of apt stay unchanged."""
    files = [*map(Path, _FILES), *map(Path, _FOLDERS), *(path for path in _APT_FOLDER.glob("*") if _sets_acquire(path))]
    for source in files:
        _copy(source, root / source.relative_to("/"))
    for name in _HOME_FILES:
        _copy(Path.home() / name, root / "root" / name)
    for value in select_network_variables().values():
        certificates = Path(value)
        if certificates.is_absolute() and certificates.is_file():
            target = root / certificates.relative_to("/")
            if not target.exists():
                _copy(certificates, target)


def find_index_folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the local folders that the settings of pip name, with the files that their indexes refer to."""
    files = [Path("/etc/pip.conf"), *Path("/etc/xdg/pip").glob("*.conf"), *(Path.home() / name for name in _HOME_FILES)]
    texts = [path.read_text() for path in files if path.is_file() and path.suffix == ".conf"]
    texts += [value for name, value in environment.items() if name.startswith("PIP_")]
    paths = {Path(match) for text in texts for match in _PATH.findall(text)}
    # The pages of an index, which is a folder `simple` (PEP 503), refer to files next to it.
    folders = {path.parent if path.name == "simple" else path for path in paths}
    return sorted(_without_subfolders({path for path in folders if path.is_dir()}))


def _without_subfolders(folders: set[Path]) -> Iterator[Path]:
    for folder in folders:
        if not any(parent in folders for parent in folder.parents):
            yield folder


def _sets_acquire(path: Path) -> bool:
    return path.is_file() and "acquire::" in path.read_text(errors="replace").lower()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
