"""Properties of the runner's executable that make the exploitation of memory errors harder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from struct import Struct

import pytest

# Constants of the ELF specification; see elf(5).
ET_DYN = 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_FLAGS, DT_FLAGS_1 = 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 8, 1, 0x08000000
HEADER = Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = Struct("<IIQQQQQQ")
DYNAMIC_ENTRY = Struct("<qQ")


class ElfFile:
    """An ELF executable for a 64-bit little-endian machine.

    Attributes:
        kind: Type of the file, such as ET_DYN.
        segments: Type and flags of each segment.
        dynamic: Value of each entry of the dynamic section.
    """

    def __init__(self, content: bytes) -> None:
        _, self.kind, _, _, _, offset, *_, count, _, _, _ = HEADER.unpack_from(content)
        headers = [PROGRAM_HEADER.unpack_from(content, offset + n * PROGRAM_HEADER.size) for n in range(count)]
        self.segments = [(kind, flags) for kind, flags, *_ in headers]
        self.dynamic: dict[int, int] = {}
        for kind, _, start, _, _, size, *_ in headers:
            if kind == PT_DYNAMIC:
                self.dynamic = dict(DYNAMIC_ENTRY.iter_unpack(content[start : start + size]))

    def flags(self, kind: int) -> list[int]:
        return [flags for segment_kind, flags in self.segments if segment_kind == kind]


@pytest.fixture(scope="session")
def executable(runner_binary: Path) -> ElfFile:
    return ElfFile(runner_binary.read_bytes())


def test_executable_is_static_and_position_independent(executable: ElfFile) -> None:
    assert executable.kind == ET_DYN
    assert executable.flags(PT_INTERP) == []
    assert executable.dynamic[DT_FLAGS_1] & DF_1_PIE


def test_relocated_data_is_read_only(executable: ElfFile) -> None:
    assert len(executable.flags(PT_GNU_RELRO)) == 1
    assert executable.dynamic[DT_FLAGS] & DF_BIND_NOW
    assert executable.dynamic[DT_FLAGS_1] & DF_1_NOW


def test_no_memory_is_writable_and_executable(executable: ElfFile) -> None:
    (stack,) = executable.flags(PT_GNU_STACK)

    assert not stack & PF_X
    assert [flags for flags in executable.flags(PT_LOAD) if flags & PF_X and flags & PF_W] == []


def test_objects_use_stack_protectors_and_checked_functions(runner_binary: Path) -> None:
    objects = sorted((runner_binary.parent / "build").rglob("*.o"))
    listing = subprocess.run(["nm", "--undefined-only", *objects], check=True, capture_output=True, text=True).stdout
    symbols = {line.split()[-1] for line in listing.splitlines() if " U " in line}

    assert "__stack_chk_fail" in symbols
    assert {symbol for symbol in symbols if symbol.endswith("_chk")} >= {"__snprintf_chk"}
