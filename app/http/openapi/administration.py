"""What whoever runs the service does."""

from __future__ import annotations

from typing import Final

from app.core.errors import NotFound, NotReplayable
from app.http.openapi.operation import Access, Operation, Paths, Reply
from app.http.v1.admin.dead_letters import DeadLettersView, DeadLetterView
from app.http.v1.admin.hosts import HostsView
from app.http.v1.admin.keys import KeyRequest, KeysView, NewKeyView
from app.http.v1.admin.metrics import MetricsView
from app.http.v1.admin.queues import QueuesView, WorkersView

__all__ = ["ADMINISTRATION", "PATHS"]

ADMINISTRATION: Final = "Administration"

_LIST_KEYS: Final = Operation(
    id="listKeys",
    tag=ADMINISTRATION,
    summary="All keys, oldest first",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The keys, without what makes them keys.", body=KeysView),),
)

_CREATE_KEY: Final = Operation(
    id="createKey",
    tag=ADMINISTRATION,
    summary="Make a key",
    text="`key` and `webhook_secret` are told this once.",
    access=Access.ADMIN,
    takes=KeyRequest,
    examples={"a course": {"name": "course 101", "tier": "standard"}},
    replies=(
        Reply(
            status=201,
            text="The key.",
            body=NewKeyView,
            required=("Location",),
            next={"revokeKey": {"key_id": "$response.body#/id"}},
        ),
    ),
)

_REVOKE_KEY: Final = Operation(
    id="revokeKey",
    tag=ADMINISTRATION,
    summary="Revoke a key",
    text="Within two seconds it opens nothing any more. Its jobs run on.",
    access=Access.ADMIN,
    parameters=("key_id",),
    replies=(Reply(status=204, text="Revoked."),),
    errors=(NotFound,),
)

_FIGURES: Final = Operation(
    id="getMetrics",
    tag=ADMINISTRATION,
    summary="What all processes have counted and measured",
    text="The metrics of `GET /metrics`, in JSON.",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="Every metric.", body=MetricsView),),
)

_HOSTS: Final = Operation(
    id="listHosts",
    tag=ADMINISTRATION,
    summary="The hosts that run programs, with the images of their languages",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The hosts.", body=HostsView),),
)

_QUEUES: Final = Operation(
    id="listQueues",
    tag=ADMINISTRATION,
    summary="All queues, by name",
    access=Access.ADMIN,
    replies=(
        Reply(
            status=200,
            text="The queues.",
            body=QueuesView,
            next={"listDeadLetters": {"queue": "$response.body#/queues/0/name"}},
        ),
    ),
)

_WORKERS: Final = Operation(
    id="listWorkers",
    tag=ADMINISTRATION,
    summary="All workers, with what each of them holds",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The workers.", body=WorkersView),),
)

_A_LETTER: Final = {"queue": "$request.path.queue", "dead_letter_id": "$response.body#/dead_letters/0/id"}

_DEAD_LETTERS: Final = Operation(
    id="listDeadLetters",
    tag=ADMINISTRATION,
    summary="A queue's dead letters, newest first",
    access=Access.ADMIN,
    parameters=("queue", "dead_letters_limit", "dead_letters_after"),
    replies=(
        Reply(
            status=200,
            text="A page.",
            body=DeadLettersView,
            next={"getDeadLetter": _A_LETTER, "replayDeadLetter": _A_LETTER, "dropDeadLetter": _A_LETTER},
        ),
    ),
    errors=(NotFound,),
)

_LETTER: Final = Operation(
    id="getDeadLetter",
    tag=ADMINISTRATION,
    summary="One dead letter",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=200, text="It.", body=DeadLetterView),),
    errors=(NotFound,),
)

_DROP: Final = Operation(
    id="dropDeadLetter",
    tag=ADMINISTRATION,
    summary="Forget a dead letter",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=204, text="Dropped."),),
    errors=(NotFound,),
)

_REPLAY: Final = Operation(
    id="replayDeadLetter",
    tag=ADMINISTRATION,
    summary="Queue what a dead letter was about again, once",
    text="A job is queued as if it had never been begun.",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=204, text="Queued again."),),
    errors=(NotFound, NotReplayable),
)

PATHS: Final[Paths] = {
    "/v1/admin/keys": {"get": _LIST_KEYS, "post": _CREATE_KEY},
    "/v1/admin/keys/{key_id}": {"delete": _REVOKE_KEY},
    "/v1/admin/metrics": {"get": _FIGURES},
    "/v1/admin/hosts": {"get": _HOSTS},
    "/v1/admin/queues": {"get": _QUEUES},
    "/v1/admin/workers": {"get": _WORKERS},
    "/v1/admin/dead/{queue}": {"get": _DEAD_LETTERS},
    "/v1/admin/dead/{queue}/{dead_letter_id}": {"get": _LETTER, "delete": _DROP},
    "/v1/admin/dead/{queue}/{dead_letter_id}/replay": {"post": _REPLAY},
}
