"""Encoding of job records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.job.spec import JobSpec, SourceFile
from app.core.job.submission import NewJob
from app.core.states import JobState
from app.store.jobs.records import decode_record, decode_spec, encode_new, encode_result
from tests.store.live_store import OK, SPEC

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
specs = st.builds(
    JobSpec,
    language=texts,
    files=st.lists(st.builds(SourceFile, texts, st.binary(max_size=30)), max_size=3).map(tuple),
    entrypoint=texts,
    stdin=st.binary(max_size=30),
    args=st.lists(texts, max_size=3).map(tuple),
    env=st.dictionaries(texts, texts, max_size=3),
    limits=st.just(SPEC.limits),
    interactive=st.booleans(),
)
jobs = st.builds(
    NewJob, id=texts, spec=specs, owner=texts, request_id=texts, created_at_ms=st.integers(0, 2**53)
)  # fmt: skip


def as_redis_returns_it(*flat: str | bytes | int) -> dict[bytes, bytes]:
    raw = [value if isinstance(value, bytes) else str(value).encode() for value in flat]
    return dict(zip(raw[::2], raw[1::2], strict=True))


@given(jobs)
def test_decode_record_reverses_encode_new(job: NewJob) -> None:
    record = decode_record(job.id, as_redis_returns_it(*encode_new(job)))

    assert record.spec == job.spec
    assert (record.id, record.owner, record.request_id) == (job.id, job.owner, job.request_id)
    assert (record.created_at_ms, record.state, record.result) == (job.created_at_ms, JobState.QUEUED, None)


@given(specs)
def test_decode_spec_returns_the_submitted_spec(spec: JobSpec) -> None:
    job = NewJob(id="job", spec=spec, owner="", request_id="", created_at_ms=0)

    assert decode_spec(as_redis_returns_it(*encode_new(job))[b"spec"]) == spec


@given(st.booleans(), st.booleans(), st.booleans())
def test_state_is_finished_if_and_only_if_a_result_exists(started: bool, cancelled: bool, finished: bool) -> None:
    job = NewJob(id="job", spec=SPEC, owner="", request_id="", created_at_ms=0)
    extra = (
        *(("started_at_ms", 5, "attempt", 2, "worker", "w") if started else ()),
        *(("cancel", "1") if cancelled else ()),
        *(("result", encode_result(OK), "finished_at_ms", 9) if finished else ()),
    )

    record = decode_record("job", as_redis_returns_it(*encode_new(job), *extra))

    assert record.state is (JobState.FINISHED if finished else JobState.RUNNING if started else JobState.QUEUED)
    assert (record.result is not None) == (record.state is JobState.FINISHED)
    assert record.cancel_requested == cancelled
