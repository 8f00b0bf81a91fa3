"""Messages between the host and PID 1 of a cell (runner/PROTOCOL.md, "Cells")."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from app.core.errors import ProtocolError
from app.sandbox.resources import ContainerResources
from app.sandbox.runner.frames import PROTOCOL_VERSION

__all__ = ["NONCE_BYTES", "Clean", "decode_reports", "encode_accepted", "encode_job"]

NONCE_BYTES: Final = 16
_JOB, _FAULT, _CLEAN, _ACCEPTED = 0x0D, 0x88, 0x8C, 0x8D
_HEADER: Final = struct.Struct(">BI")
_JOB_LIMITS: Final = struct.Struct(">QQIQI")
_CLEAN_PAYLOAD: Final = struct.Struct(">BBB")
_MAX_REPORT_BYTES: Final = 512
_MAX_CGROUP_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Clean:
    """The cell waits for a job and has no trace of an earlier one.

    Attributes:
        cgroup_version: 1 or 2 if each job can have limits of its own; 0 if all have those of the container.
        has_job_user_namespaces: Whether each job has a user namespace of its own, below that of the cell.
    """

    cgroup_version: int
    has_job_user_namespaces: bool


def encode_job(nonce: bytes, initial: ContainerResources, program: ContainerResources) -> bytes:
    """Return the message that starts a job.

    Args:
        nonce: NONCE_BYTES random bytes, which the cell repeats.
        initial: Resources from the first phase on. ``nano_cpus`` is that of the container.
        program: Resources of the program. No value may exceed the initial one.
    """
    payload = nonce + _JOB_LIMITS.pack(
        initial.disk_bytes, initial.memory_bytes, initial.processes, program.memory_bytes, program.processes
    )
    return _HEADER.pack(_JOB, len(payload)) + payload


def encode_accepted(nonce: bytes) -> bytes:
    """Return the message with which a cell accepts the job with this nonce."""
    return _HEADER.pack(_ACCEPTED, len(nonce)) + nonce


def decode_reports(stderr: bytes) -> tuple[list[Clean | str], bytes]:
    """Decode what PID 1 has written to stderr.

    Returns:
        The reports, of which a string is the reason why the cell exits, and the bytes of an incomplete one.

    Raises:
        ProtocolError: A report is malformed.
    """
    reports: list[Clean | str] = []
    while len(stderr) >= _HEADER.size:
        kind, length = _HEADER.unpack_from(stderr)
        if kind not in (_CLEAN, _FAULT) or length > _MAX_REPORT_BYTES:
            # Before it is a cell, for example when the runner of an older image does not know the option --cell.
            raise ProtocolError(f"cell sent an unknown report: {stderr[:_MAX_REPORT_BYTES].decode(errors='replace')}")
        end = _HEADER.size + length
        if len(stderr) < end:
            break
        reports.append(_decode_report(kind, stderr[_HEADER.size : end]))
        stderr = stderr[end:]
    return reports, stderr


def _decode_report(kind: int, payload: bytes) -> Clean | str:
    if kind == _FAULT:
        return payload.decode(errors="replace")
    try:
        version, cgroup_version, has_job_user_namespaces = _CLEAN_PAYLOAD.unpack(payload)
    except struct.error as e:
        raise ProtocolError(f"malformed CLEAN: {e}") from e
    if version != PROTOCOL_VERSION or cgroup_version > _MAX_CGROUP_VERSION or has_job_user_namespaces > 1:
        raise ProtocolError(f"malformed CLEAN: {payload!r}; expected protocol version {PROTOCOL_VERSION}")
    return Clean(cgroup_version, bool(has_job_user_namespaces))
