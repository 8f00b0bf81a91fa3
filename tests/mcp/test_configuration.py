"""The configurations for clients in the help of the command and in docs/agents.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from app.http import mcp as app_mcp
from pyxec.mcp.arguments import TOOLS
from pyxec.mcp.run_code import MAX_IMAGE_BYTES, MAX_IMAGES, CodeRun
from pyxec.mcp.stdio import RETRY_SECONDS
from pyxec.mcp.text import MAX_TEXT_CHARACTERS
from tests.http.gateway import PYTHON, running_gateway

ROOT = Path(__file__).resolve().parents[2]


def read_json(text: str, start: str) -> Any:
    """Return the JSON document in a text that starts with these characters."""
    document, _ = json.JSONDecoder().raw_decode(text[text.index(start) :])
    return document


@pytest.fixture(scope="module")
def help_text() -> str:
    command = [sys.executable, "-m", "pyxec.cli", "mcp", "--help"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_documentation_has_the_configuration_of_the_help(help_text: str) -> None:
    page = (ROOT / "docs/agents.md").read_text()
    documented = read_json(page, '{"mcpServers": {"pyxec": {\n')
    assert documented == read_json(help_text, "{")


@pytest.mark.parametrize("start", ['{"servers"', '{"mcpServers": {"pyxec": {"url"'])
def test_documentation_has_a_configuration_for_http(start: str) -> None:
    document = read_json((ROOT / "docs/agents.md").read_text(), start)
    [server] = (document.get("servers") or document["mcpServers"]).values()
    assert server["url"].endswith("/mcp")
    assert server["headers"]["Authorization"].startswith("Bearer ")


def test_documentation_lists_all_arguments_and_results() -> None:
    section = (ROOT / "docs/agents.md").read_text().split("\n## ")[1]
    fields = {name for spec in TOOLS.values() for name in spec.schema().get("properties", {})}
    names = {*TOOLS, *fields, *CodeRun.__struct_fields__}
    assert {name for name in names if f"`{name}`" not in section} == set()
    assert f"at most {MAX_TEXT_CHARACTERS:,} characters" in section
    assert f"At most {MAX_IMAGES} images of {MAX_IMAGE_BYTES >> 20} MiB together" in section
    assert f"repeated for up to {RETRY_SECONDS:g} s" in section
    assert RETRY_SECONDS == app_mcp._RETRY_SECONDS


async def test_configuration_of_the_help_connects(help_text: str, redis_url: str, namespace: str) -> None:
    server = read_json(help_text, "{")["mcpServers"]["pyxec"]
    assert server["command"] == "pyxec"
    async with running_gateway(redis_url, namespace, languages=[PYTHON]) as gateway:
        env = {**os.environ, **server["env"], "PYXEC_URL": f"http://127.0.0.1:{gateway.port}"}
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "pyxec.cli", *server["args"]], env=env, cwd=ROOT
        )
        async with Client(parameters) as client:
            tools = (await client.list_tools()).tools
    assert "run_code" in {tool.name for tool in tools}
