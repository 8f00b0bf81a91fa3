"""How an accepted job enters the queue: the record and the message for the actor, written in one step."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import redis.exceptions
from dramatiq import Message

from app.broker import AsyncProducer, BrokerUnavailable, Duplicate, PreconditionFailed
from app.broker import QueueFull as BacklogFull
from app.core.errors import QueueFull, StoreUnavailable
from app.core.submission import AdmissionRequest, NewJob
from app.store.admissions import AdmissionStore
from app.store.effects import JobEffects
from app.store.keys import JOBS_QUEUE, RUN_JOB
from app.telemetry.spans import carried

__all__ = ["JobProducer", "RunJobMessage"]

_encode: Final = msgspec.json.Encoder().encode


class RunJobMessage(Message[Any]):
    """A message of nothing but texts and numbers: msgspec writes the same JSON as Dramatiq, in a tenth of the time."""

    def encode(self) -> bytes:
        """As Dramatiq's own."""
        return _encode(vars(self))


class JobProducer:
    """Implements app.store.jobs.JobQueue.

    Parameters:
        admissions: asked in the step that writes the job, where that is wanted.
        max_backlog: so many jobs may wait and run before new ones are refused.
    """

    def __init__(
        self, producer: AsyncProducer, effects: JobEffects, admissions: AdmissionStore, max_backlog: int
    ) -> None:
        self._admissions = admissions
        self._producer = producer
        self._effects = effects
        self._max_backlog = max_backlog

    async def put(self, job: NewJob, entrance: AdmissionRequest | None = None) -> bool:
        """See the protocol."""
        message = RunJobMessage(
            queue_name=JOBS_QUEUE,
            actor_name=RUN_JOB,
            args=(job.id,),
            kwargs={},
            options={"lane": job.priority.value, **carried()},
            message_id=job.id,
        )
        try:
            await self._enqueue(message, job, entrance)
        except BacklogFull as e:
            raise QueueFull from e
        except PreconditionFailed as e:
            assert entrance is not None
            assert entrance.admission is not None
            raise entrance.admission.refusal() from e
        except Duplicate:
            # The same id again is the same job: the first write was made and only its reply was lost. The same name of
            # a client's again may be, too.
            return False
        except BrokerUnavailable as e:
            raise StoreUnavailable(str(e)) from e
        return True

    async def _enqueue(self, message: Message[Any], job: NewJob, entrance: AdmissionRequest | None) -> None:
        """Twice if need be: after a restart of the server the first command on an old connection fails at once. The
        record's key tells the second write from a first, so that nothing is accepted twice."""
        try:
            await self._enqueue_once(message, job, entrance)
        except BrokerUnavailable as e:
            if isinstance(e.__cause__, redis.exceptions.TimeoutError):
                raise
            await self._enqueue_once(message, job, entrance)

    async def _enqueue_once(self, message: Message[Any], job: NewJob, entrance: AdmissionRequest | None) -> None:
        keys, name = self._effects.keys, job.idempotency
        question = None if entrance is None else self._admissions.question(entrance.caller, [job.id])
        try:
            await self._producer.enqueue(
                message,
                effects=self._effects.accept(job),
                on_dead=self._effects.packed_dead(job.id, has_webhook=job.webhook_url is not None),
                dedupe_key=keys.record(job.id) if name is None else keys.idempotency(name.name),
                max_backlog=max(1, int(self._max_backlog * job.backlog_share)),
                precondition=question,
            )
        finally:  # if it was asked, the entrance is told what was said, whatever became of the job
            if entrance is not None and question is not None and question.reply is not None:
                entrance.admission = self._admissions.read(question)
