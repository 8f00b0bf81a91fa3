"""Imports: permitted dependencies, no side effects, and the public names of each module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pyxec

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
SOURCES = sorted([*APP.rglob("*.py"), *(ROOT / "pyxec").rglob("*.py")])
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES]

# Runs before each import. Every side effect during an import raises an error.
FORBID = """
import os, socket, subprocess, sys, threading, asyncio, multiprocessing, importlib, signal

def forbid(effect):
    def refuse(*_, **__):
        raise AssertionError(f"{effect} on import")
    return refuse

import asyncio.base_events
socket.socket.connect = forbid("a connection")
socket.socket.bind = forbid("a listening socket")
threading.Thread.start = forbid("a thread")
subprocess.Popen.__init__ = forbid("a process")
multiprocessing.Process.start = forbid("a process")
os.fork = forbid("a process")
asyncio.base_events.BaseEventLoop.run_until_complete = forbid("an event loop")
for name in ("mkdir", "makedirs", "remove", "rename", "unlink"):
    setattr(os, name, forbid("a change on disk"))
handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
environment = dict(os.environ)

for name in sys.argv[1:]:
    importlib.import_module(name)
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == handlers, f"{name}: signals"
    assert dict(os.environ) == environment, f"{name}: the environment"

import logging
assert logging.getLogger().handlers == [], "a log handler on import"
"""


def test_imports_have_no_side_effects() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", FORBID, *MODULES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def test_imports_with_side_effects_are_detected() -> None:
    module = "import threading; threading.Thread(target=print).start()"

    done = subprocess.run(
        [sys.executable, "-B", "-c", FORBID + module], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert "a thread on import" in done.stderr


def test_import_contracts_are_kept() -> None:
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_module_has_a_docstring_and_valid_public_names(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))

    assert ast.get_docstring(tree), "a docstring"
    exported = _exported(tree)
    if path.name != "__init__.py":
        assert exported is not None, "__all__"
    if exported is not None:
        assert sorted(exported) == sorted(set(exported)), "a name twice"
        assert set(exported) <= _defined(tree), "an undefined name"
        assert not [name for name in exported if name.startswith("_")]


def test_wiring_alone_imports_both_http_and_sandbox() -> None:
    """Lists the permitted modules, so that new packages are covered as well."""
    both = {name for name, path in zip(MODULES, SOURCES, strict=True) if {"http", "sandbox"} <= _packages(path)}

    assert both == {"app.wiring.gateway", "app.wiring.worker"}


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def test_public_names_of_the_sdk_are_importable() -> None:
    """They are imported on first use, so that an undefined one would not fail with ``import pyxec``."""
    assert [name for name in pyxec.__all__ if not hasattr(pyxec, name)] == []


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):  # imported on first use
                names |= _defined(ast.Module(body, []))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    return names


def _packages(path: Path) -> set[str]:
    """Return the packages of app that a module imports."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[1] for name in modules if name.startswith("app.")}
