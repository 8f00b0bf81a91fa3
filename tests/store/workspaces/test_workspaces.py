"""Number, expiry and removal of workspaces and sessions. tests/actors/test_workspaces.py tests their jobs."""

from __future__ import annotations

import msgspec
import pytest

from app.core.callers import Caller
from app.core.errors import FilesFull, NotFound, TooManyWorkspaces, WorkspaceBusy
from app.core.job.job_input import Input, InputKind
from app.core.workspaces import WORKSPACE_OVERHEAD_BYTES, WorkspaceMode
from app.store.workspaces import workspace_store as workspaces
from tests.store.live_store import CALLER, SPEC, TTL_SECONDS, LiveStore, new_job

JOB_ID = "job"


async def session_exists(store: LiveStore, session_id: str) -> bool:
    try:
        await store.workspaces.get(session_id, CALLER.owner)
    except NotFound:
        return False
    return True


async def create_sessions(store: LiveStore, *session_ids: str, caller: Caller = CALLER) -> None:
    for session_id in session_ids:
        await store.workspaces.create_session(session_id, caller)


def leave_unused(store: LiveStore, *session_ids: str) -> None:
    """Change the time of the last use: all are older than an hour, the first is the oldest."""
    for place, session_id in enumerate(session_ids):
        key = store.keys.owned_sessions(CALLER.owner)
        last_use_ms = store.client.zscore(key, session_id)
        assert last_use_ms is not None
        age_ms = 1000 * (workspaces.SESSION_SECONDS + 100 - place)
        store.client.zadd(key, {session_id: float(last_use_ms) - age_ms}, xx=True)


def with_quota(file_bytes: int) -> Caller:
    return msgspec.structs.replace(CALLER, tier=msgspec.structs.replace(CALLER.tier, file_bytes=file_bytes))


def counted_bytes(store: LiveStore) -> int:
    return int(store.client.hget(store.keys.file_storage(CALLER.owner), ":total") or 0)


@pytest.fixture
def long_lived(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> LiveStore:
    """A store whose workspaces expire after a day."""
    monkeypatch.setattr(store.workspaces, "_ttl_seconds", 86_400)
    return store


async def test_number_of_workspaces_is_limited_and_sessions_do_not_count(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "MAX_WORKSPACES", 2)
    first = await store.workspaces.create(CALLER)
    await store.workspaces.create(CALLER)
    with pytest.raises(TooManyWorkspaces):
        await store.workspaces.create(CALLER)
    await create_sessions(store, "session")
    await store.workspaces.delete(first.id, CALLER.owner)
    await store.workspaces.create(CALLER)


async def test_expired_workspace_does_not_count(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspaces, "MAX_WORKSPACES", 1)
    created = await store.workspaces.create(CALLER)
    key = store.keys.owned_workspaces(CALLER.owner)
    store.client.zadd(key, {created.id: created.created_at_ms - 1000 * TTL_SECONDS - 1})
    await store.workspaces.create(CALLER)


async def test_least_recently_used_session_is_removed_when_there_are_too_many(
    long_lived: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = long_lived
    monkeypatch.setattr(workspaces, "MAX_SESSIONS", 3)
    await create_sessions(store, "a", "b", "c")
    leave_unused(store, "b", "a")
    await store.workspaces.write_file("a", CALLER, "file", b"1")  # a use
    await create_sessions(store, "d")
    assert [await session_exists(store, name) for name in "abcd"] == [True, False, True, True]
    # And a session that was used within the last hour is never removed
    with pytest.raises(TooManyWorkspaces):
        await create_sessions(store, "e")
    assert [await session_exists(store, name) for name in "acd"] == [True, True, True]


async def test_unused_sessions_are_removed_until_a_quarter_of_the_quota_is_free(long_lived: LiveStore) -> None:
    store, caller = long_lived, with_quota(1_000_000)
    for name in "abc":
        await create_sessions(store, name, caller=caller)
        await store.workspaces.write_file(name, caller, "file", bytes(300_000))
    leave_unused(store, "a", "b", "c")
    await create_sessions(store, "d", caller=caller)
    assert [await session_exists(store, name) for name in "abcd"] == [False, True, True, True]
    assert counted_bytes(store) == 600_000 + 3 * WORKSPACE_OVERHEAD_BYTES


async def test_workspaces_are_never_removed_for_sessions(
    long_lived: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = long_lived
    monkeypatch.setattr(workspaces, "MAX_SESSIONS", 1)
    created = await store.workspaces.create(CALLER)
    await create_sessions(store, "a")
    leave_unused(store, "a")
    store.client.zadd(store.keys.owned_workspaces(CALLER.owner), {created.id: created.created_at_ms - 10_000_000})
    await create_sessions(store, "b")
    assert not await session_exists(store, "a")
    assert (await store.workspaces.get(created.id, CALLER.owner)).id == created.id


async def test_session_of_a_queued_job_is_not_removed(long_lived: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = long_lived
    monkeypatch.setattr(workspaces, "MAX_SESSIONS", 2)
    await create_sessions(store, "a", "b")
    await store.submit(new_job(JOB_ID, spec=msgspec.structs.replace(SPEC, workspace="a")))
    leave_unused(store, "a", "b")
    await create_sessions(store, "c")
    assert [await session_exists(store, name) for name in "abc"] == [True, False, True]


async def test_empty_workspace_counts_for_the_file_quota(store: LiveStore) -> None:
    caller = with_quota(2 * WORKSPACE_OVERHEAD_BYTES)
    first = await store.workspaces.create(caller)
    await store.workspaces.create(caller)
    with pytest.raises(FilesFull):
        await store.workspaces.create(caller)
    await store.workspaces.delete(first.id, caller.owner)
    assert counted_bytes(store) == WORKSPACE_OVERHEAD_BYTES


async def test_download_renews_the_expiry_in_the_file_quota(store: LiveStore) -> None:
    created = await store.workspaces.create(CALLER)
    await store.workspaces.write_file(created.id, CALLER, "file", b"1")
    expiry = f"{store.keys.file_storage(CALLER.owner)}:expiry"
    store.client.zadd(expiry, {f"workspace:{created.id}": 1})
    await store.workspaces.read_file(created.id, CALLER.owner, "file")
    assert (store.client.zscore(expiry, f"workspace:{created.id}") or 0) > created.created_at_ms


async def test_deleted_job_leaves_its_workspace_at_once(store: LiveStore) -> None:
    workspace = (await store.workspaces.create(CALLER)).id
    await store.submit(new_job(JOB_ID, spec=msgspec.structs.replace(SPEC, workspace=workspace)))
    await store.jobs.send(JOB_ID, Input(InputKind.CANCEL))  # ends the queued job
    await store.jobs.delete(await store.jobs.get(JOB_ID))
    await store.workspaces.write_file(workspace, CALLER, "file", b"1")
    # And a late delivery of its message does not use the workspace again
    assert store.workspace_jobs.take(workspace, JOB_ID) is None
    await store.workspaces.delete(workspace, CALLER.owner)


async def test_workspace_is_busy_while_a_job_is_submitted(store: LiveStore) -> None:
    # Given a submission that has no record yet
    workspace = (await store.workspaces.create(CALLER)).id
    await store.workspaces.join(workspace, CALLER, JOB_ID, WorkspaceMode.REJECT)
    with pytest.raises(WorkspaceBusy):
        await store.workspaces.write_file(workspace, CALLER, "file", b"1")
    with pytest.raises(WorkspaceBusy):
        await store.workspaces.join(workspace, CALLER, "other", WorkspaceMode.REJECT)
    # When the gateway ends before it writes the record, the workspace is free after a minute
    key = store.keys.workspace_submission(JOB_ID)
    assert 0 < store.client.ttl(key) <= 60
    store.client.delete(key)
    await store.workspaces.write_file(workspace, CALLER, "file", b"1")
