"""The filter of the jobs of a cell, run by an interpreter of classic BPF. No filter is installed in the kernel."""

from __future__ import annotations

import platform
import random
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.sandbox.syscall_rules import SyscallRule, read_rules, render_rules

RULES = Path(__file__).parents[2] / "runner" / "cell" / "syscall_rules.inc"
# linux/audit.h and linux/seccomp.h.
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003
ALLOWED, KILLED, FAILED = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
X32 = 0x40000000

Instruction = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def program(build_folder: Path) -> Sequence[Instruction]:
    printer = build_folder / "build" / "print_filter"
    sources = [
        Path(__file__).parent / "print_filter.c",
        *(build_folder / "cell" / f"{name}.c" for name in ("strict_filter", "syscall_rules")),
    ]
    flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-D_GNU_SOURCE", "-I", build_folder]
    subprocess.run(["gcc", *flags, "-o", printer, *sources], check=True)
    lines = subprocess.run([printer], capture_output=True, check=True, text=True).stdout.splitlines()
    return [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]


@pytest.fixture(scope="module")
def numbers() -> dict[str, int]:
    """The system calls that this machine's headers define, as the compiler of the runner sees them."""
    macros = subprocess.run(
        ["gcc", "-E", "-dM", "-"], input=b"#include <sys/syscall.h>", capture_output=True, check=True
    ).stdout.decode()
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", macros, re.MULTILINE)}


def run_filter(
    program: Sequence[Instruction], number: int, arguments: Sequence[int] = (), architecture: int = 0
) -> int:
    """Interpret the instructions that the filter uses; see linux/filter.h and linux/bpf_common.h."""
    architecture = architecture or ARCHITECTURES[platform.machine()]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *[*arguments, *[0] * 6][:6])
    accumulator = position = 0
    while True:
        code, if_true, if_false, k = program[position]
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                position += k
            case 0x15:
                position += if_true if accumulator == k else if_false
            case 0x35:
                position += if_true if accumulator >= k else if_false
            case 0x06:
                return k
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def expected_action(rule: SyscallRule | None, arguments: Sequence[int]) -> int:
    """Return what libseccomp does with the profile of a container."""
    if rule is None:
        return FAILED | EPERM
    if rule.error_number:
        return FAILED | rule.error_number
    is_allowed = not rule.alternatives or any(
        all(arguments[item.argument] & item.mask == item.value for item in alternative)
        for alternative in rule.alternatives
    )
    return ALLOWED if is_allowed else FAILED | EPERM


def generate_arguments(rule: SyscallRule) -> Iterator[list[int]]:
    """Yield arguments that fulfil an alternative, and ones that differ from it in one bit."""
    for alternative in rule.alternatives:
        arguments = [0] * 6
        for item in alternative:
            arguments[item.argument] |= item.value | (random.getrandbits(64) & ~item.mask & (2**64 - 1))
        yield arguments
        for item in alternative:
            for bit in (0, 1, 5, 16, 29, 31, 32, 40, 63):
                changed = list(arguments)
                changed[item.argument] ^= 1 << bit
                yield changed


def test_rules_in_c_are_those_of_the_profile() -> None:
    assert RULES.read_text() == render_rules(), (
        "run: python -m app.sandbox.syscall_rules > runner/cell/syscall_rules.inc"
    )


def test_filter_decides_as_the_profile_of_a_container(program: Sequence[Instruction], numbers: dict[str, int]) -> None:
    rules = {numbers[name]: rule for name, rule in read_rules().items() if name in numbers}
    end = max(rules) + 1
    assert len(rules) > 200

    for number in range(end):
        rule = rules.get(number)
        for arguments in ([0] * 6, [2**64 - 1] * 6, *(generate_arguments(rule) if rule else ())):
            assert run_filter(program, number, arguments) == expected_action(rule, arguments), (number, arguments)


def test_filter_answers_newer_calls_with_enosys(program: Sequence[Instruction], numbers: dict[str, int]) -> None:
    end = max(numbers[name] for name in read_rules() if name in numbers) + 1

    assert run_filter(program, end) == run_filter(program, X32 - 1) == FAILED | ENOSYS


def test_filter_kills_calls_of_other_abis(program: Sequence[Instruction]) -> None:
    assert run_filter(program, 0, architecture=I386) == KILLED
    assert run_filter(program, X32) == run_filter(program, X32 | 1) == run_filter(program, 2**32 - 1) == KILLED


def test_filter_is_short(program: Sequence[Instruction]) -> None:
    """The kernel compiles it for each job."""
    assert len(program) < 1500
