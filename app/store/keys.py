"""Names of the queues, the actors and the Redis keys.

All keys of a job carry the hash tag of the queue of jobs, so that one script can write the record and the queue entry,
also in a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.core.callers import Priority

__all__ = ["DELIVER_WEBHOOK", "JOBS_QUEUE", "MAINTENANCE_QUEUE", "RUN_JOB", "WEBHOOKS_QUEUE", "StoreKeys"]

# Names of the queues, and of the actors that the messages on them name.
JOBS_QUEUE: Final = "jobs"
WEBHOOKS_QUEUE: Final = "webhooks"
MAINTENANCE_QUEUE: Final = "maintenance"
RUN_JOB: Final = "run_job"
DELIVER_WEBHOOK: Final = "deliver_webhook"


@dataclass(frozen=True)
class StoreKeys:
    """Names of the Redis keys.

    Args:
        namespace: Prefix of all keys.
    """

    namespace: str

    @property
    def tag(self) -> str:
        """The hash tag of the queue of jobs, as the broker creates it."""
        return f"{{{self.namespace}:{JOBS_QUEUE}}}"

    def waiting(self, priority: Priority = Priority.INTERACTIVE) -> str:
        """Sorted set: queued jobs by submission time in ms. The queue position is a rank."""
        return f"{self.tag}:waiting" if priority is Priority.INTERACTIVE else f"{self.tag}:waiting:{priority}"

    def starts(self, minute: int) -> str:
        """String with expiry: number of jobs that were started in a minute since 1970."""
        return f"{self.tag}:starts:{minute}"

    def owned(self, owner: str) -> str:
        """Sorted set: jobs of a caller with an API key by submission time in ms. Some may have expired."""
        return f"{self.tag}:owned:{owner}"

    def idempotency(self, name: str) -> str:
        """String: fingerprint and job id of an idempotency key. It expires with the record, which names it."""
        return f"{self.tag}:idempotency:{name}"

    def record(self, job_id: str) -> str:
        """Hash: the record of a job (app/store/jobs/records.py)."""
        return f"{self.tag}:job:{job_id}"

    def output(self, job_id: str) -> str:
        """Stream: the output log of a job (app/store/jobs/output_log.py)."""
        return f"{self.tag}:out:{job_id}"

    def inputs(self, job_id: str) -> str:
        """Stream: the input of a job. It is kept until the job is finished, so that a second attempt can read it."""
        return f"{self.tag}:in:{job_id}"

    def artifacts(self, job_id: str) -> str:
        """Hash: name -> content of the artifacts of a job."""
        return f"{self.tag}:art:{job_id}"

    def output_channel(self, job_id: str) -> str:
        """Channel: wake-ups for viewers of a job."""
        return f"{self.tag}:wake:{job_id}"

    def worker_channel(self, worker: str) -> str:
        """Channel: ids of jobs of a worker that have new input."""
        return f"{self.tag}:worker:{worker}"

    def bucket(self, name: str) -> str:
        """String with expiry: state of a token bucket (lua/callers/admission.lua)."""
        return f"{self.tag}:bucket:{name}"

    def slots(self, account: str) -> str:
        """Sorted set: unfinished jobs of an account by submission time in ms."""
        return f"{self.tag}:slots:{account}"

    def storage(self, owner: str) -> str:
        """Ledger (app/broker/lua/ledger.lua): bytes of the jobs of an owner; the field ``:quota`` is its quota."""
        return f"{self.tag}:storage:{owner}"

    @property
    def storage_owners(self) -> str:
        """Set: owners that have a storage ledger."""
        return f"{self.tag}:storage-owners"

    @staticmethod
    def output_entry(job_id: str) -> str:
        """Entry of the storage ledger for the output of an unfinished job. The entry of a job itself is its id."""
        return f"{job_id}:out"

    def batch(self, batch_id: str) -> str:
        """Stream: the ends of the jobs of a streamed batch (app/store/jobs/batches.py)."""
        return f"{self.tag}:batch:{batch_id}"

    def batch_channel(self, batch_id: str) -> str:
        """Channel: wake-ups for the reader of a streamed batch."""
        return f"{self.tag}:wake-batch:{batch_id}"

    def workspace(self, workspace_id: str) -> str:
        """Hash with expiry: a workspace (lua/workspaces/workspace.lua)."""
        return f"{self.tag}:workspace:{workspace_id}"

    def workspace_jobs(self, workspace_id: str) -> str:
        """Sorted set: jobs that use a workspace or wait for it."""
        return f"{self.tag}:workspace-jobs:{workspace_id}"

    def workspace_blobs(self, workspace_id: str) -> str:
        """Sorted set: blobs of a workspace by the time in ms from which on they are deleted."""
        return f"{self.tag}:workspace-blobs:{workspace_id}"

    @property
    def workspace_garbage(self) -> str:
        """Sorted set: workspaces by the time in ms of the next search for blobs that they do not need."""
        return f"{self.tag}:workspace-garbage"

    def workspace_submission(self, job_id: str) -> str:
        """Key with expiry: a job with a workspace is being submitted and has no record yet."""
        return f"{self.tag}:workspace-submission:{job_id}"

    def owned_workspaces(self, owner: str) -> str:
        """Sorted set: workspaces of an owner by their last use, without `owned_sessions`. Some may have expired."""
        return f"{self.tag}:workspaces:{owner}"

    def owned_sessions(self, owner: str) -> str:
        """Sorted set: workspaces of an owner that may be removed before they expire, by their last use."""
        return f"{self.tag}:workspace-sessions:{owner}"

    def link(self, link_id: str) -> str:
        """Hash with expiry: a short link (lua/create_link.lua)."""
        return f"{self.tag}:link:{link_id}"

    def owned_links(self, account: str) -> str:
        """Sorted set: short links of an account by the time in ms at which they expire."""
        return f"{self.tag}:links:{account}"

    @property
    def link_expiry(self) -> str:
        """Sorted set: all short links, ``id:bytes``, by the time in ms at which they expire."""
        return f"{self.tag}:link-expiry"

    @property
    def link_bytes(self) -> str:
        """String: bytes of all members of ``link_expiry``."""
        return f"{self.tag}:link-bytes"

    def file(self, file_id: str) -> str:
        """Hash: a file (app/store/files/file_store.py)."""
        return f"{self.tag}:file:{file_id}"

    def file_alias(self, owner: str, digest: str) -> str:
        """String: id of the file of an owner that has a name of the owner's choice, whose SHA-256 this is."""
        return f"{self.tag}:file-alias:{owner}:{digest}"

    def file_jobs(self, file_id: str) -> str:
        """Set: unfinished jobs that need a file, which is not removed meanwhile."""
        return f"{self.tag}:file-jobs:{file_id}"

    def job_files(self, job_id: str) -> str:
        """Set: files that an unfinished job needs."""
        return f"{self.tag}:job-files:{job_id}"

    @property
    def jobs_with_files(self) -> str:
        """Sorted set: jobs that need files, by the time in ms at which they were submitted."""
        return f"{self.tag}:jobs-with-files"

    def owned_files(self, owner: str) -> str:
        """Sorted set: files of an owner by the time of their upload in ms."""
        return f"{self.tag}:files:{owner}"

    @property
    def file_expiry(self) -> str:
        """Sorted set: files by the time in ms at which they expire."""
        return f"{self.tag}:file-expiry"

    def file_storage(self, owner: str) -> str:
        """Ledger (app/broker/lua/ledger.lua): bytes of the files and uploads of an owner."""
        return f"{self.tag}:file-storage:{owner}"

    @property
    def all_file_storage(self) -> str:
        """Ledger: bytes of the files and uploads of all owners."""
        return f"{self.tag}:all-file-storage"

    @property
    def uploads(self) -> str:
        """Sorted set: uploads by the time in ms at which they count as abandoned."""
        return f"{self.tag}:file-uploads"

    def blob(self, digest: str) -> str:
        """String: id of the blob with this SHA-256."""
        return f"{self.tag}:blob:{digest}"

    def blob_holders(self, digest: str) -> str:
        """Set: what needs the blob with this SHA-256, ``file:<id>`` for a file."""
        return f"{self.tag}:blob-holders:{digest}"

    @property
    def unused_blobs(self) -> str:
        """Set: blobs to delete from the file storage."""
        return f"{self.tag}:unused-blobs"

    @property
    def outbox(self) -> str:
        """Stream: one entry with the job id for each end of a job whose webhook is due."""
        return f"{self.tag}:webhook-outbox"

    @property
    def earlier_outbox(self) -> str:
        """List: the outbox of earlier versions. Jobs that they accepted write to it when they are dead-lettered."""
        return f"{self.tag}:outbox"

    @property
    def api_keys(self) -> str:
        """Hash: id -> API key."""
        return f"{self.namespace}:api-keys"

    @property
    def api_key_uses(self) -> str:
        """Hash: id of an API key -> Unix time in ms of its last use, within a minute."""
        return f"{self.namespace}:api-key-uses"

    @property
    def audit(self) -> str:
        """Stream of bounded length: the audit log (app/store/admin/audit_log.py)."""
        return f"{self.namespace}:audit"

    def ticket(self, digest: str) -> str:
        """String with expiry: id of the API key of a ticket."""
        return f"{self.namespace}:ticket:{digest}"

    def heartbeat(self, worker: str) -> str:
        """String with expiry: exists while the worker is alive."""
        return f"{self.namespace}:alive:{worker}"

    @property
    def metrics(self) -> str:
        """Hash: sample -> total of all processes."""
        return f"{self.namespace}:metrics"

    @property
    def gauges(self) -> str:
        """Hash: process -> its gauges and when it published them."""
        return f"{self.namespace}:gauges"

    @property
    def installation(self) -> str:
        """String: id of the installation (app/store/installation.py)."""
        return f"{self.namespace}:installation"

    @property
    def workers(self) -> str:
        """Sorted set: workers by the time of their last heartbeat."""
        return f"{self.namespace}:workers"

    @property
    def languages(self) -> str:
        """Hash: host -> languages installed on its engine."""
        return f"{self.namespace}:languages"
