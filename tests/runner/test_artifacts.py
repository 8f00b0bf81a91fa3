"""Artifacts: patterns, limits and order."""

from __future__ import annotations

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_cancel, encode_collect
from app.sandbox.runner.frames import Artifact, ArtifactData, CollectSpec, Done, PhaseEnd
from tests.runner.runner_process import RunnerProcess, job, phase


def collecting(script: str, *patterns: str, files: int = 16, total_bytes: int = 1 << 20, **changes: object) -> bytes:
    return encode_collect(CollectSpec(patterns, files, total_bytes)) + job(phase("sh", "-c", script, **changes))


def artifacts(runner: RunnerProcess) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for event in runner.read_to_end().events:
        if isinstance(event, Artifact):
            path = event.path
            found[path] = b""
        elif isinstance(event, ArtifactData):
            found[path] += event.data
    return found


def test_artifacts_are_sent_unchanged(runner: RunnerProcess) -> None:
    runner.send(collecting("seq 1 60000 > a.txt; : > empty.txt; echo no > b.bin", "*.txt"))

    assert artifacts(runner) == {b"a.txt": b"".join(b"%d\n" % n for n in range(1, 60_001)), b"empty.txt": b""}
    assert runner.done == Done(1, 1, incomplete=False)
    assert runner.exit_status() == 0


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*"], "a.txt b.png"),
        (["?.txt"], "a.txt"),
        (["a.txt", "*.txt"], "a.txt"),
        (["out/*"], "out/c.png"),
        (["*/*"], "out/c.png"),
        (["**"], "a.txt b.png out/c.png out/deep/d.png"),
        (["**/*.png"], "b.png out/c.png out/deep/d.png"),
        (["out/**/d.png"], "out/deep/d.png"),
        (["out/**"], "out/c.png out/deep/d.png"),
        ([".hidden"], ".hidden"),
        ([".*"], ".hidden"),
        (["[ab].*", "a.tx", "a.txtx", "/a.txt", "../*", "out"], ""),
        (["*****a*****"], ["a.txt", "out/deep/d.png"][0]),
    ],
)
def test_artifact_patterns_match_paths(bare: RunnerProcess, patterns: list[str], expected: str) -> None:
    make = "mkdir -p out/deep .cache; touch a.txt b.png out/c.png out/deep/d.png .hidden .cache/x.png"
    bare.send(collecting(make, *patterns))

    assert " ".join(path.decode() for path in artifacts(bare)) == expected


def test_artifacts_contain_only_regular_files(runner: RunnerProcess) -> None:
    make = "ln -s /etc/passwd link; ln -s /etc folder; mkfifo pipe; echo x > file; ln file hard; mkdir inner"
    runner.send(collecting(make, "**"))

    assert artifacts(runner) == {b"file": b"x\n", b"hard": b"x\n"}


def test_artifacts_ignore_sockets(bare: RunnerProcess) -> None:
    bind = "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un('socket')) or die"
    bare.send(collecting(f'perl -e "{bind}"', "*"))

    assert artifacts(bare) == {}
    assert bare.end.value == 0


def test_artifacts_beyond_the_file_limit_are_dropped_by_name(runner: RunnerProcess) -> None:
    runner.send(collecting("touch $(seq 10 40)", "*", files=3))

    assert list(artifacts(runner)) == [b"10", b"11", b"12"]
    assert runner.done.incomplete


def test_artifacts_beyond_the_byte_limit_are_dropped(runner: RunnerProcess) -> None:
    runner.send(
        collecting("truncate -s 600 a; truncate -s 700 b; truncate -s 400 c; truncate -s 50M d", "*", total_bytes=1000)
    )

    assert {path: len(data) for path, data in artifacts(runner).items()} == {b"a": 600, b"c": 400}
    assert runner.done.incomplete


def test_large_artifacts_reach_a_slow_host(runner: RunnerProcess) -> None:
    make = "for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/zero > $i; done"
    runner.send(collecting(make, "*", total_bytes=8_000_000))

    assert [len(data) for data in artifacts(runner).values()] == [1_000_000] * 8


def test_artifacts_ignore_unreadable_files(runner: RunnerProcess) -> None:
    runner.send(collecting("echo x > a; chmod 000 a; echo y > b", "*", files=16))

    found = artifacts(runner)
    assert found[b"b"] == b"y\n"  # root can read the other file, too
    assert runner.done.incomplete == (b"a" not in found)


def test_artifacts_are_sent_after_a_failed_program(runner: RunnerProcess) -> None:
    runner.send(collecting("echo x > a; exit 3", "a"))

    assert artifacts(runner) == {b"a": b"x\n"}
    assert runner.end.value == 3


def test_artifacts_follow_the_last_phase_end(runner: RunnerProcess) -> None:
    runner.send(collecting("echo x > a", "a"))

    kinds = [type(event) for event in runner.read_to_end().events]
    assert kinds[-4:] == [PhaseEnd, Artifact, ArtifactData, Done]


def test_cancelled_job_sends_no_artifacts(runner: RunnerProcess) -> None:
    runner.send(collecting("echo x > a; echo up; sleep 60", "a"))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_cancel())

    assert artifacts(runner) == {}
    assert runner.end.reason is StopReason.CANCELLED


def test_artifact_names_are_unchanged(runner: RunnerProcess) -> None:
    runner.send(collecting("touch \"$(printf 'a\\nb')\" \"$(printf '\\377')\" ./-rf", "*"))

    assert set(artifacts(runner)) == {b"a\nb", b"\xff", b"-rf"}


def test_glob_is_fast_for_hostile_patterns(bare: RunnerProcess) -> None:
    name = "a" * 250
    make = f"i=0; while [ $i -lt 300 ]; do : > {name}$i; i=$((i+1)); done"
    bare.send(collecting(make, *["*a" * 120 + "b"] * 16, wall_ms=10_000))

    assert artifacts(bare) == {}
    assert not bare.done.incomplete


def test_artifact_search_has_a_maximum_depth(bare: RunnerProcess) -> None:
    bare.send(collecting("mkdir -p 1/2/3/4/5/6/7/8; touch 1/2/3/4/5/6/7/ok 1/2/3/4/5/6/7/8/deep", "**"))

    assert list(artifacts(bare)) == [b"1/2/3/4/5/6/7/ok"]
