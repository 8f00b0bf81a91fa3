"""The name of every key. All of a job's keys carry the hash tag of its queue, so that one script may write the record
and the queue entry together, on a cluster too."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.callers import Priority

__all__ = ["DELIVER_WEBHOOK", "JOBS_QUEUE", "MAINTENANCE_QUEUE", "RUN_JOB", "WEBHOOKS_QUEUE", "StoreKeys"]

# Names of the queues, and of the actors that the messages on them name.
JOBS_QUEUE = "jobs"
WEBHOOKS_QUEUE = "webhooks"
MAINTENANCE_QUEUE = "maintenance"
RUN_JOB = "run_job"
DELIVER_WEBHOOK = "deliver_webhook"


@dataclass(frozen=True)
class StoreKeys:
    """Key names below ``namespace``."""

    namespace: str

    @property
    def tag(self) -> str:
        """The hash tag of the queue of jobs: the same as the broker's own."""
        return f"{{{self.namespace}:{JOBS_QUEUE}}}"

    def waiting(self, priority: Priority = Priority.INTERACTIVE) -> str:
        """Sorted set of the jobs that no worker has begun, by acceptance time: the queue position is a rank."""
        return f"{self.tag}:waiting" if priority is Priority.INTERACTIVE else f"{self.tag}:waiting:{priority}"

    def begun(self, minute: int) -> str:
        """String: how many jobs were begun in a minute since 1970."""
        return f"{self.tag}:begun:{minute}"

    def owned(self, owner: str) -> str:
        """Sorted set: the jobs of a caller with a key, by acceptance time. Some of them may have expired."""
        return f"{self.tag}:owned:{owner}"

    def idempotency(self, name: str) -> str:
        """String that runs out: fingerprint and id of the job that was submitted under a client's name for it."""
        return f"{self.tag}:idempotency:{name}"

    def record(self, job_id: str) -> str:
        """Hash: see app/store/records.py."""
        return f"{self.tag}:job:{job_id}"

    def output(self, job_id: str) -> str:
        """Stream: the output log, the truth that every viewer reads."""
        return f"{self.tag}:out:{job_id}"

    def inputs(self, job_id: str) -> str:
        """Stream: what was sent to the job, kept whole until it ends so that a second attempt reads it again."""
        return f"{self.tag}:in:{job_id}"

    def artifacts(self, job_id: str) -> str:
        """Hash: name -> bytes of the files that the job has left."""
        return f"{self.tag}:art:{job_id}"

    def output_channel(self, job_id: str) -> str:
        """Pub/Sub: something new is in the output log. May be lost; it is only the wake-up."""
        return f"{self.tag}:wake:{job_id}"

    def worker_channel(self, worker: str) -> str:
        """Pub/Sub: the id of a job of this worker that was sent something. May be lost, too."""
        return f"{self.tag}:worker:{worker}"

    def bucket(self, name: str) -> str:
        """String: the state of one token bucket. It has the hash tag of the jobs: one script takes a token and
        writes the job."""
        return f"{self.tag}:bucket:{name}"

    def slots(self, account: str) -> str:
        """Sorted set: the unfinished jobs of a caller, by the time of their submission in ms."""
        return f"{self.tag}:slots:{account}"

    @property
    def outbox(self) -> str:
        """List: ids of jobs that have ended and whose webhooks are due."""
        return f"{self.tag}:outbox"

    @property
    def api_keys(self) -> str:
        """Hash: id of an API key -> what is kept of it."""
        return f"{self.namespace}:api-keys"

    def ticket(self, digest: str) -> str:
        """String that runs out: the API key that a ticket stands for."""
        return f"{self.namespace}:ticket:{digest}"

    def presence(self, worker: str) -> str:
        """String that runs out: the worker process is there."""
        return f"{self.namespace}:alive:{worker}"

    @property
    def metrics(self) -> str:
        """Hash: what is counted -> its total, over all processes and for ever."""
        return f"{self.namespace}:metrics"

    @property
    def gauges(self) -> str:
        """Hash: process -> where its gauges stand, and when that was."""
        return f"{self.namespace}:gauges"

    @property
    def workers(self) -> str:
        """Sorted set: worker processes, by when they last said that they are there."""
        return f"{self.namespace}:workers"

    @property
    def languages(self) -> str:
        """Hash: host -> the languages installed on its engine."""
        return f"{self.namespace}:languages"
