"""The queue as a Hypothesis state machine: real operations and scripts, interleaved and with faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import msgspec
import redis
from dramatiq import Message
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.broker import Lane, StreamsBroker
from app.broker.delivery.settlement import STARTED_MARK
from app.broker.scripts import Script
from app.core.errors import JobNotFinished, JobNotFound, NotFound, NotReplayable, RateLimited, StoreUnavailable
from app.core.job.events import AttemptStarted, JobFinished
from app.core.outcomes import Outcome
from app.store.jobs.effects import JobEffects
from app.store.jobs.output_log import decode_entry
from app.store.jobs.records import decode_idempotency, encode_result
from app.store.jobs.submission import Receipt
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.broker.delivery import message
from tests.broker.model.gateway import ModelGateway
from tests.broker.model.server import ClockedServer, ScriptCache
from tests.broker.model.tasks import Command, MonotonicClock, Process, Sleep, Step, Task
from tests.broker.model.worker import ACTOR, ATTEMPT_MS, LEASE_MS, PAUSE, RENEWAL_MS, ModelWorker

__all__ = ["QueueModel"]

_START_MS = 1_700_000_000_000
_RESULT_TTL_SECONDS = 30
_MAX_WORKERS = 2
_MAX_JOBS = 6
_MAX_OFFSET_MS = 400_000
# A task that runs to its end needs fewer commands.
_ALL = 60
_KEYS = ("key-a", "key-b")
#: Errors of a request for which the model can be the reason.
_EXPECTED_ERRORS = (JobNotFinished, JobNotFound, NotFound, NotReplayable, RateLimited, StoreUnavailable)

Item = TypeVar("Item")
#: Stream and id of an entry. The id is not used again when the message is delivered again.
Entry = tuple[str, str]

budgets = st.sampled_from([_ALL, _ALL, _ALL, 1, 2, 3, 4])
indexes = st.integers(0, 5)

settlements = st.sampled_from(["replay", "drop"])

#: Method of an action -> how often it is chosen, relative to the others, and strategies of its arguments.
_ACTIONS: dict[str, tuple[int, Sequence[st.SearchStrategy[Any]]]] = {
    "submit": (4, [st.sampled_from([None, *_KEYS]), budgets]),
    "enqueue": (1, [st.sampled_from([0, 0, 5, 20]), st.sampled_from([1, 2]), st.sampled_from(Lane)]),
    "fetch": (5, [indexes, st.sampled_from([_ALL, _ALL, 1, 2, 3])]),
    "work": (2, [indexes]),
    "advance_task": (6, [indexes, st.sampled_from(["ok", "ok", "ok", "reply lost", "command lost"]), budgets]),
    "replace_worker": (4, [indexes, st.sampled_from([0, 24])]),
    "start_worker": (1, []),
    "stop_worker": (1, [indexes]),
    "suspend_worker": (1, [indexes]),
    "replace_gateway": (1, []),
    "pass_time": (3, [st.sampled_from([1, 3, 9, 35])]),
    "interrupt_redis": (2, [st.sampled_from([0, 2, 20])]),
    "pause_redis": (1, [st.integers(1, 4)]),
    "recover": (2, [st.just(0) | st.just(24)]),
    "settle_dead_letter": (3, [indexes, settlements, budgets]),
    "race_for_dead_letter": (3, [indexes, settlements, st.integers(1, 4), settlements]),
    "cancel": (1, [indexes, budgets]),
    "delete": (2, [indexes, budgets]),
    "set_clock": (1, [st.sampled_from([-300, -60, -3, 3, 60, 300])]),
}
_NAMES = [name for name, (weight, _) in _ACTIONS.items() for _ in range(weight)]


@st.composite
def actions(draw: st.DrawFn) -> tuple[Any, ...]:
    """An action of the model: the name of its method and the arguments."""
    name = draw(st.sampled_from(_NAMES))
    return name, *(draw(argument) for argument in _ACTIONS[name][1])


@dataclass
class JobHistory:
    """What the model knows of a job.

    Attributes:
        key: Its idempotency key.
        launches: Attempt and worker of each container that was ready.
        was_accepted: Whether its record existed.
        has_finished: Whether its record had a result.
        result: The result in its record.
        replay_requested: Whether its dead letter was replayed since it had its result.
    """

    key: str | None
    launches: set[tuple[int, str]] = field(default_factory=set)
    was_accepted: bool = False
    has_finished: bool = False
    result: bytes | None = None
    replay_requested: bool = False


@dataclass(frozen=True)
class DeadEntry:
    """A dead letter.

    Attributes:
        id: Id of the dead letter.
        message_id: Id of its message; for a job, the id of the job.
        reason: Why the message was dead-lettered.
        deliveries: Number of deliveries that did not finish.
    """

    id: str
    message_id: str
    reason: str
    deliveries: int


@dataclass
class JobState:
    """What Redis contains of a job.

    Attributes:
        record: Its record.
        ttl_seconds: Time until the record expires; -1 for never.
        log: Entries of its output log.
    """

    record: Mapping[bytes, bytes]
    ttl_seconds: int
    log: Sequence[tuple[bytes, Mapping[bytes, bytes]]]


@dataclass
class Snapshot:
    """The queue at one time.

    Attributes:
        messages: Number of waiting, running and delayed messages by message id.
        dead_letters: All dead letters.
        owners: Stream and id of each pending entry -> its consumer.
        finished: Number of times that each plain message was finished.
        jobs: State of each job.
        idempotency_keys: Key -> the job that it names.
    """

    messages: Counter[str]
    dead_letters: list[DeadEntry]
    owners: Mapping[Entry, str]
    finished: Counter[str]
    jobs: Mapping[str, JobState]
    idempotency_keys: Mapping[str, str]


class QueueModel(RuleBasedStateMachine):
    """Gateways, workers, a server and their faults.

    After every step, each accepted message is in exactly one state, each job has at most one result, a live worker owns
    what it holds, and each record states what happened. At the end, everything finishes.

    Attributes:
        server: The server.
        scripts: Executes the commands.
        clock: Monotonic clock of all processes.
    """

    clock: ClassVar[MonotonicClock]
    server: ClassVar[ClockedServer]
    scripts: ClassVar[ScriptCache]

    def __init__(self) -> None:
        super().__init__()
        self.server.client.flushall()
        self.clock.now_ms = 0
        self.offset_ms = _START_MS
        self.server_ms = 0
        self.is_redis_available = True
        self.pause_steps = 0
        self.has_failed = False
        self.keys = StoreKeys("model")
        self.effects = JobEffects(self.keys, _RESULT_TTL_SECONDS)
        self.finished_key = f"{self.keys.tag}:finished"
        self.processes = 0
        self.workers: list[ModelWorker] = []
        self.jobs: dict[str, JobHistory] = {}
        self.plain: dict[str, int] = {}
        self.dropped: set[str] = set()
        self.entries: dict[Entry, str] = {}
        self.started: set[Entry] = set()
        self.observer = self.new_broker()
        self.queue = self.observer.keys(JOBS_QUEUE)
        self.gateway = self.new_gateway()
        self.max_deliveries = 1

    # Processes and time

    def new_process(self, name: str) -> Process:
        self.processes += 1
        return Process(f"{name}{self.processes}", self.execute)

    def new_broker(self) -> StreamsBroker:
        """A broker in a process that is never killed, for example for a scheduled recovery."""
        client = self.new_process("broker").client()
        broker = StreamsBroker(client=client, namespace="model", lease_ms=LEASE_MS, middleware=[])
        broker.declare_queue(JOBS_QUEUE)
        return broker

    def new_gateway(self) -> ModelGateway:
        return ModelGateway(self.new_process("gateway"), self.keys, self.effects, self.wall_ms)

    def new_worker(self) -> ModelWorker:
        worker = ModelWorker(
            self.new_process("worker"),
            "model",
            effects=self.effects,
            now_ms=lambda: self.clock.now_ms,
            finished=self.finished_key,
            on_launch=self.record_launch,
            is_cancelled=lambda job_id: bool(self.server.client.hexists(self.keys.record(job_id), "cancel")),
            max_deliveries=self.max_deliveries,
        )
        self.workers.append(worker)
        if self.is_redis_available:
            self.renew_leases([worker])
        return worker

    def wall_ms(self) -> int:
        return self.clock.now_ms + self.offset_ms

    def set_server_clock(self) -> None:
        if self.server_ms != self.wall_ms():
            self.server_ms = self.wall_ms()
            self.server.set_clock(self.server_ms)

    def execute(self, command: Command) -> Any:
        """Execute a command on the server, and note the entries that it marks as started."""
        self.set_server_clock()
        arguments = command.arguments
        if command.is_blocking:
            position = arguments.index("BLOCK")
            arguments = arguments[:position] + arguments[position + 2 :]
        to_start = self.entries_to_start(arguments)
        reply = self.scripts.execute(arguments, command.options)
        for entry, body in [*to_start, *entries_started(arguments, reply)]:
            self.entries[entry] = Message.decode(body).message_id
            self.started.add(entry)
        match mark_of_job(arguments, reply):
            case entry, True:
                self.started.add(entry)
            case entry, False:
                self.started.discard(entry)
        return reply

    def entries_to_start(self, arguments: tuple[Any, ...]) -> list[tuple[Entry, bytes]]:
        """Return the entries of a call of start.lua that this worker owns, with their messages."""
        if script_of(arguments) is not Script.START:
            return []
        keys, (group, consumer, _, *pairs) = parse_call(arguments)
        entries = [(keys[number - 1], entry_id) for number, entry_id in zip(pairs[::2], pairs[1::2], strict=True)]
        client = self.server.client
        return [
            ((stream, entry_id), fields[b"message"])
            for stream, entry_id in entries
            if client.xpending_range(stream, group, entry_id, entry_id, 1, consumer)
            for _, fields in client.xrange(stream, entry_id, entry_id)
        ]

    def record_launch(self, job_id: str, attempt: int, worker: str) -> None:
        self.jobs[job_id].launches.add((attempt, worker))

    # Control of tasks

    def tasks(self) -> list[Task]:
        """Return the tasks that can continue."""
        processes = [self.gateway.process, *(worker.process for worker in self.workers if worker.is_running)]
        return [task for process in processes for task in process.tasks if self.can_continue(task)]

    def can_continue(self, task: Task) -> bool:
        match task.waiting:
            case Sleep(until_ms):
                return until_ms <= self.clock.now_ms
            case Step(name) if name == PAUSE:
                worker = next(worker for worker in self.workers if worker.process is task.process)
                return worker.has_capacity
        return True

    def advance(self, task: Task, outcome: str = "ok") -> None:
        """Let a task continue until it waits again."""
        match task.waiting:
            case Command() if outcome == "command lost" or not self.is_redis_available:
                task.lose_command()
            case Command():
                task.execute(reply_is_lost=outcome == "reply lost")
            case Step():
                task.resume(outcome)
            case _:
                task.resume(None)
        self.after_step(task)

    def after_step(self, task: Task) -> None:
        """Check a task that waits again or has ended, and give work to the threads of the workers."""
        if task.error is not None and not isinstance(task.error, _EXPECTED_ERRORS):
            self.has_failed = True
            raise task.error
        for worker in list(self.workers):
            if worker.unexpected_error is not None:
                self.has_failed = True
                raise worker.unexpected_error
            if worker.is_running:
                worker.dispatch()
            if worker.stop_task is not None and worker.stop_task.waiting is None:
                self.remove_worker(worker)

    def run_task(self, task: Task, budget: int = _ALL) -> None:
        """Let a task continue until it has ended, waits for something outside Redis, or its budget is used up."""
        self.after_step(task)
        while budget > 0 and task.waiting is not None and self.can_continue(task):
            is_idle = isinstance(task.waiting, Command) and task.waiting.is_blocking
            if isinstance(task.waiting, Step) and task.waiting.name != PAUSE:
                return
            self.advance(task)
            budget -= 1
            if is_idle and isinstance(task.waiting, Command) and task.waiting.is_blocking:
                return

    def run_worker(self, worker: ModelWorker) -> None:
        """Let a worker fetch and process messages until it has none, without faults."""
        for _ in range(10):
            self.run_task(worker.consumer_task)
            busy = [task for task in worker.process.tasks if task.name == "worker" and self.can_continue(task)]
            if not busy:
                return
            for task in busy:
                for _ in range(_ALL):
                    if task.waiting is None or not self.can_continue(task):
                        break
                    self.advance(task)

    def running_workers(self) -> list[ModelWorker]:
        return [worker for worker in self.workers if worker.is_running]

    def remove_worker(self, worker: ModelWorker) -> None:
        worker.process.kill()
        self.workers.remove(worker)

    def pass_time(self, seconds: int) -> None:
        """Let time pass. Live workers renew their leases and maintain the queue in time."""
        # No two events are a number of whole seconds apart: whether a key has expired must not depend on microseconds.
        end_ms = self.clock.now_ms + 1000 * seconds + 7
        if not self.is_redis_available:
            self.clock.now_ms = end_ms
            for worker in self.workers:
                worker.next_renewal_ms = end_ms + ATTEMPT_MS
            return
        while workers := self.running_workers():
            due_ms = max(self.clock.now_ms, min(worker.next_renewal_ms for worker in workers))
            if due_ms > end_ms:
                break
            self.clock.now_ms = due_ms
            self.renew_leases([worker for worker in workers if worker.next_renewal_ms <= due_ms])
        self.clock.now_ms = end_ms

    def renew_leases(self, workers: Sequence[ModelWorker]) -> None:
        """Let workers maintain the queue and renew their leases."""
        # The worst case: each worker maintains the queue before any of them renews its leases.
        for worker in workers:
            worker.maintain()
        for worker in workers:
            worker.renew()
            # All workers renew at the same times, because each setting of the clock takes a millisecond.
            worker.next_renewal_ms = (self.clock.now_ms // RENEWAL_MS + 1) * RENEWAL_MS
            if worker.in_flight.reply_lost:
                self.run_task(worker.consumer_task)

    # Steps

    @initialize(max_deliveries=st.sampled_from([1, 1, 2]))
    def start(self, max_deliveries: int) -> None:
        self.max_deliveries = max_deliveries
        self.new_worker()

    @rule(action=actions())
    def take_step(self, action: tuple[Any, ...]) -> None:
        """Take a step. An action that is not possible at present has no effect."""
        name, *arguments = action
        self.pause_steps -= 1
        if self.pause_steps < 0:
            self.is_redis_available = True
        if getattr(self, name)(*arguments) is not False:
            self.check_guarantees()

    def submit(self, key: str | None, budget: int) -> bool:
        """Submit a job, with an idempotency key or without."""
        if len(self.jobs) >= _MAX_JOBS:
            return False
        self.run_task(self.submit_job(key), budget)
        return True

    def submit_job(self, key: str | None) -> Task:
        job_id = f"job{len(self.jobs):029}"
        self.jobs[job_id] = JobHistory(key)
        return self.gateway.submit(job_id, key, lambda receipt: self.check_receipt(job_id, receipt))

    def check_receipt(self, job_id: str, receipt: Receipt) -> None:
        """Check that a job exists when its receipt is returned."""
        has_record = self.server.client.hexists(self.keys.record(receipt.job_id), "about")
        assert receipt.created or has_record, "an idempotency key names a job that does not exist"
        assert self.jobs[receipt.job_id].key == self.jobs[job_id].key

    def enqueue(self, delay_seconds: int, count: int, lane: Lane) -> bool:
        """Enqueue plain messages."""
        if not self.is_redis_available or len(self.plain) + count > _MAX_JOBS:
            return False
        numbers = range(len(self.plain), len(self.plain) + count)
        messages = [message(number, actor=ACTOR, queue=JOBS_QUEUE, lane=lane) for number in numbers]
        delay_ms = 1000 * delay_seconds or None
        if count > 1:
            self.observer.enqueue_many(messages, delay=delay_ms)
        else:
            self.observer.enqueue(messages[0], delay=delay_ms)
        self.plain.update({item.message_id: item.args[0] for item in messages})
        return True

    def fetch(self, index: int, budget: int) -> bool:
        """Let the consumer of a worker fetch messages."""
        if workers := self.running_workers():
            self.run_task(choose(workers, index).consumer_task, budget)
        return bool(workers)

    def work(self, index: int) -> bool:
        """Let a worker fetch and process messages until it has none, without faults."""
        workers = self.running_workers()
        if workers and self.is_redis_available:
            self.run_worker(choose(workers, index))
        return bool(workers)

    def advance_task(self, index: int, outcome: str, budget: int) -> bool:
        """Let a task take its next step with an outcome, and then others without faults."""
        if tasks := [task for task in self.tasks() if task.name != "consumer"]:
            task = choose(tasks, index)
            self.advance(task, outcome)
            self.run_task(task, budget)
        return bool(tasks)

    def replace_worker(self, index: int, seconds: int) -> None:
        """Kill a worker, if possible one that holds messages. The supervisor starts another one."""
        if workers := [worker for worker in self.workers if len(worker.in_flight)] or self.workers:
            self.remove_worker(choose(workers, index))
        self.new_worker()
        self.pass_time(seconds)

    def start_worker(self) -> bool:
        """Start another worker."""
        if len(self.workers) >= _MAX_WORKERS:
            return False
        self.new_worker()
        return True

    def stop_worker(self, index: int) -> bool:
        """Begin the graceful shutdown of a worker, and start another one."""
        workers = [worker for worker in self.running_workers() if worker.stop_task is None]
        if workers:
            worker = choose(workers, index)
            worker.stop()
            assert worker.stop_task is not None
            self.run_task(worker.stop_task)
            self.new_worker()
        return bool(workers)

    def suspend_worker(self, index: int) -> bool:
        """Suspend a worker, or resume a suspended one. At least one worker runs."""
        if self.workers:
            worker = choose(self.workers, index)
            worker.process.is_suspended = not worker.process.is_suspended
            worker.is_live = False
            if not self.running_workers():
                self.new_worker()
        return bool(self.workers)

    def replace_gateway(self) -> None:
        """Kill the gateway and start another one."""
        self.gateway.process.kill()
        self.gateway = self.new_gateway()

    def interrupt_redis(self, seconds: int) -> None:
        """Let Redis not answer for some time."""
        self.is_redis_available = False
        self.pass_time(seconds)
        self.is_redis_available = True

    def pause_redis(self, steps: int) -> None:
        """Let Redis not answer during the next steps."""
        self.is_redis_available = False
        self.pause_steps = steps

    def recover(self, seconds: int) -> bool:
        """Recover the queue, as a new worker and the scheduler do. The reaper looks for dead workers."""
        self.pass_time(seconds)
        if not self.is_redis_available:
            return True
        broker = self.new_broker()
        broker.max_deliveries = self.max_deliveries
        broker.recover(JOBS_QUEUE)
        live = [worker.name for worker in self.running_workers() if worker.is_live and worker.stop_task is None]
        dead = self.observer.find_dead_workers(JOBS_QUEUE, live)
        self.check(not dead, "a live worker counts as dead")
        return True

    def settle_dead_letter(self, index: int, action: str, budget: int) -> None:
        """Replay or drop a dead letter. If there is none, lose messages."""
        if dead_letters := self.read_dead_letters():
            self.request_of_dead_letter(choose(dead_letters, index), action, budget)
        else:
            self.lose_messages(index)

    def race_for_dead_letter(self, index: int, first: str, budget: int, second: str) -> None:
        """Replay or drop a dead letter twice: the second request runs between two commands of the first one."""
        if dead_letters := self.read_dead_letters():
            dead_letter = choose(dead_letters, index)
            self.request_of_dead_letter(dead_letter, first, budget)
            self.request_of_dead_letter(dead_letter, second)
        else:
            self.lose_messages(index)

    def lose_messages(self, index: int) -> None:
        """Kill a worker that has fetched messages, and let their leases expire."""
        if workers := self.running_workers():
            self.run_task(choose(workers, index).consumer_task)
        self.replace_worker(index, 24)

    def cancel(self, index: int, budget: int) -> bool:
        """Cancel a job."""
        if self.jobs:
            self.run_task(self.gateway.cancel(choose(list(self.jobs), index)), budget)
        return bool(self.jobs)

    def delete(self, index: int, budget: int) -> bool:
        """Delete a job, if possible one that has finished."""
        jobs = [job_id for job_id, job in self.jobs.items() if job.result is not None] or list(self.jobs)
        if jobs:
            self.run_task(self.gateway.delete(choose(jobs, index)), budget)
        return bool(jobs)

    def set_clock(self, seconds: int) -> bool:
        """Set the clock of Redis ahead or back."""
        offset_ms = self.offset_ms + 1000 * seconds
        if abs(offset_ms - _START_MS) > _MAX_OFFSET_MS:
            return False
        self.offset_ms = offset_ms
        return True

    def request_of_dead_letter(self, dead_letter: DeadEntry, action: str, budget: int = _ALL) -> None:
        job = self.jobs.get(dead_letter.message_id)
        if action == "drop":
            self.dropped.add(dead_letter.message_id)
            task = self.gateway.drop(dead_letter.id)
        else:
            if job is not None:
                job.replay_requested = True
            task = self.gateway.replay(dead_letter.id)
        self.run_task(task, budget)

    # Invariants

    def check(self, condition: object, violation: str) -> None:
        if not condition:
            self.has_failed = True
            raise AssertionError(violation)

    def check_guarantees(self) -> Snapshot:
        snapshot = self.read_snapshot()
        self.check_plain_messages(snapshot)
        self.check_dead_letters(snapshot)
        self.check_owners(snapshot)
        for job_id, job in self.jobs.items():
            self.check_job(job_id, job, snapshot)
        self.check_idempotency_keys(snapshot)
        return snapshot

    def check_plain_messages(self, snapshot: Snapshot) -> None:
        dead = Counter(dead_letter.message_id for dead_letter in snapshot.dead_letters)
        for message_id, number in self.plain.items():
            states = snapshot.messages[message_id] + dead[message_id] + snapshot.finished[str(number)]
            self.check(states <= 1, f"message {number} was duplicated")
            self.check(states == 1 or message_id in self.dropped, f"message {number} was lost")

    def check_dead_letters(self, snapshot: Snapshot) -> None:
        for dead_letter in snapshot.dead_letters:
            if "never finished" in dead_letter.reason:
                starts = sum(self.entries[entry] == dead_letter.message_id for entry in self.started)
                self.check(starts >= dead_letter.deliveries, "a dead letter counts a delivery that was not started")

    def check_owners(self, snapshot: Snapshot) -> None:
        for worker in self.workers:
            if not worker.is_live or worker.stop_task is not None:
                continue
            for delivery in worker.in_flight.leased():
                if not delivery.is_settling:
                    owner = snapshot.owners.get(delivery.address)
                    self.check(owner == worker.name, "a live worker lost a message that it holds")

    def check_job(self, job_id: str, job: JobHistory, snapshot: Snapshot) -> None:
        state = snapshot.jobs[job_id]
        if b"about" not in state.record:
            self.check(not job.was_accepted or job.has_finished, "an unfinished job has no record")
            return
        job.was_accepted = True
        self.check_start(job, state.record)
        messages = snapshot.messages[job_id]
        dead = sum(dead_letter.message_id == job_id for dead_letter in snapshot.dead_letters)
        self.check(messages <= 1, "a job has two messages")
        self.check(dead <= 1, "a job has two dead letters")
        result = state.record.get(b"result")
        if job.result is not None and result != job.result:
            self.check(job.replay_requested, "a result changed")
            job.replay_requested = False
        job.result = result
        if result is None:
            self.check(state.ttl_seconds == -1, "the record of an unfinished job expires")
            self.check(messages + dead >= 1, "an unfinished job has neither a message nor a dead letter")
            return
        job.has_finished = True
        if is_lost(result):
            self.check(messages == 0, "a dead-lettered job has a message")
            self.check(dead == 1 or job_id in self.dropped, "a dead-lettered job has no dead letter")
        self.check_log(state.log, result)

    def check_start(self, job: JobHistory, record: Mapping[bytes, bytes]) -> None:
        """Check that the record states the start of a container that was ready, or none."""
        start = [record.get(name) for name in (b"attempt", b"worker", b"started_at_ms")]
        if start[2] is None:
            self.check(start == [None] * 3, "a record without a start has an attempt")
        else:
            attempt, worker, _ = start
            assert attempt is not None
            assert worker is not None
            is_known = (int(attempt), worker.decode()) in job.launches
            self.check(is_known, "a record states a start that did not happen")

    def check_log(self, log: Sequence[tuple[bytes, Mapping[bytes, bytes]]], result: bytes) -> None:
        """Check that a log that has not expired contains one attempt and the result as its only end."""
        events = [decode_entry(entry_id, fields).event for entry_id, fields in log]
        if not events:
            return
        ends = [encode_result(event.result) for event in events if isinstance(event, JobFinished)]
        self.check(ends == [result] and isinstance(events[-1], JobFinished), "an output log has not exactly one end")
        attempts = [event for event in events if isinstance(event, AttemptStarted)]
        self.check(len(attempts) <= 1, "an output log contains two attempts")

    def check_idempotency_keys(self, snapshot: Snapshot) -> None:
        """Check that a key exists exactly as long as the record of its job."""
        named = set(snapshot.idempotency_keys.values())
        existing = {job_id for job_id, state in snapshot.jobs.items() if b"about" in state.record}
        self.check(named <= existing, "an idempotency key names a job that does not exist")
        with_key = {job_id for job_id in existing if self.jobs[job_id].key is not None}
        self.check(with_key <= named, "a job with an idempotency key has none")

    # State of the queue

    def read_snapshot(self) -> Snapshot:
        self.set_server_clock()
        streams, lanes = self.queue.streams, list(self.queue.lanes.values())
        with self.server.client.pipeline(transaction=False) as pipeline:
            pipeline.xrange(self.queue.dead_letters)
            pipeline.lrange(self.finished_key, 0, -1)
            for stream in streams:
                pipeline.xrange(stream)
            for stream in streams:
                pipeline.xpending_range(stream, self.queue.group, "-", "+", 100)
            for lane in lanes:
                pipeline.hvals(lane.delayed_entries)
            for key in _KEYS:
                pipeline.get(self.keys.idempotency(key))
            for job_id in self.jobs:
                pipeline.hgetall(self.keys.record(job_id))
                pipeline.ttl(self.keys.record(job_id))
                pipeline.xrange(self.keys.output(job_id))
            replies = iter(pipeline.execute(raise_on_error=False))
        dead, finished = next(replies), next(replies)
        bodies = [fields[b"message"] for _ in streams for _, fields in next(replies)]
        owners = {
            (stream, row["message_id"].decode()): row["consumer"].decode()
            for stream in streams
            for row in without_error(next(replies))  # a stream without a group
        }
        for _ in lanes:
            bodies += [msgspec.msgpack.decode(entry)["message"].encode() for entry in next(replies)]
        named = {key: value for key in _KEYS if (value := next(replies)) is not None}
        return Snapshot(
            messages=Counter(Message.decode(body).message_id for body in bodies),
            dead_letters=[parse_dead_letter(entry_id, fields) for entry_id, fields in dead],
            owners=owners,
            finished=Counter(number.decode() for number in finished),
            jobs={job_id: JobState(next(replies), next(replies), next(replies)) for job_id in self.jobs},
            idempotency_keys={key: decode_idempotency(value)[1] for key, value in named.items()},
        )

    def read_dead_letters(self) -> list[DeadEntry]:
        rows: Any = self.server.client.xrange(self.queue.dead_letters)
        return [parse_dead_letter(entry_id, fields) for entry_id, fields in rows]

    # End

    def teardown(self) -> None:
        try:
            if not self.has_failed:
                self.finish_everything()
        finally:
            for process in [self.gateway.process, *(worker.process for worker in self.workers)]:
                process.kill()

    def finish_everything(self) -> None:
        """Kill all workers, start one, and check that every message and every job ends."""
        self.is_redis_available = True
        for task in list(self.gateway.process.tasks):
            self.run_task(task)
        for worker in list(self.workers):
            self.remove_worker(worker)
        worker = self.new_worker()
        self.finish_messages(worker)
        for dead_letter in self.read_dead_letters():
            self.request_of_dead_letter(dead_letter, "replay")
        for dead_letter in self.read_dead_letters():  # jobs that have a result, or whose records have expired
            self.request_of_dead_letter(dead_letter, "drop")
        self.finish_messages(worker)
        self.check(not self.read_dead_letters(), "a dead letter remains at the end")
        unfinished = [job_id for job_id, job in self.jobs.items() if job.was_accepted and not job.has_finished]
        self.check(not unfinished, "a job is unfinished at the end")
        self.check_submission(worker)
        leftover = [self.keys.slots("key:someone"), *map(self.keys.waiting, Lane)]
        self.check(not self.server.client.exists(*leftover), "a finished job has a slot or a queue position")

    def check_submission(self, worker: ModelWorker) -> None:
        """Check that a gateway accepts another job and that a worker runs it."""
        self.pass_time(1)  # a token bucket may have to refill after the clock was set back
        task = self.submit_job(None)
        self.run_task(task)
        self.check(task.error is None, f"a submission fails: {task.error}")
        self.run_worker(worker)
        self.check_guarantees()

    def finish_messages(self, worker: ModelWorker) -> None:
        for _ in range(150):
            self.run_worker(worker)
            snapshot = self.check_guarantees()
            if not snapshot.messages:
                return
            self.pass_time(5)
        self.check(False, f"stuck: {snapshot}")


def choose(items: Sequence[Item], index: int) -> Item:
    """Return one of the items."""
    return items[index % len(items)]


def without_error(reply: Any) -> Any:
    """Return a reply, or nothing if it is an error."""
    return () if isinstance(reply, redis.RedisError) else reply


def script_of(arguments: tuple[Any, ...]) -> Script | None:
    """Return the script that a command calls, if it can mark entries as started."""
    scripts = (Script.START, Script.FETCH, Script.FINISH, Script.FENCED)
    if arguments[0] not in ("EVAL", "EVALSHA"):
        return None
    return next((script for script in scripts if arguments[1] in (script.sha, script.source)), None)


def parse_call(arguments: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """Return the KEYS and ARGV of a call of a script."""
    last_key = 3 + arguments[2]
    return list(arguments[3:last_key]), list(arguments[last_key:])


def mark_of_job(arguments: tuple[Any, ...], reply: Any) -> tuple[Entry, bool] | None:
    """Return the entry whose mark a fenced write of a job has set (True) or removed (False), if any."""
    if script_of(arguments) is not Script.FENCED or not reply[0]:
        return None
    keys, args = parse_call(arguments)
    match args[-10:]:
        case ["XCLAIM", key_number, 7, _, _, _, entry_id, "RETRYCOUNT", count, "JUSTID"]:
            return (keys[key_number - 1], entry_id), count == STARTED_MARK
    return None


def entries_started(arguments: tuple[Any, ...], reply: Any) -> list[tuple[Entry, bytes]]:
    """Return the entries that fetch.lua or finish.lua has fetched and started, with their messages."""
    script = script_of(arguments)
    if script not in (Script.FETCH, Script.FINISH):
        return []
    streams, args = parse_call(arguments)
    rows = reply or ()
    if script is Script.FINISH:
        streams = streams[len(streams) - args[4] :]
        rows = reply[1] if reply[0] else ()
    return [
        ((streams[number - 1], entry_id.decode()), dict(zip(fields[::2], fields[1::2], strict=True))[b"message"])
        for number, entry_id, fields in rows
    ]


def parse_dead_letter(entry_id: bytes, fields: Mapping[bytes, bytes]) -> DeadEntry:
    """Parse an entry of the stream of dead letters."""
    message_id = Message.decode(fields[b"message"]).message_id
    return DeadEntry(entry_id.decode(), message_id, fields[b"reason"].decode(), int(fields[b"deliveries"]))


def is_lost(result: bytes) -> bool:
    """Return whether a result is that of a dead-lettered job."""
    return bool(msgspec.json.decode(result)["outcome"] == Outcome.INFRASTRUCTURE_ERROR.value)
