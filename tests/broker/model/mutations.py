"""Reverted fixes of faults. The model has to find each of them."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from app.store.admin.administration import Administration
from app.store.jobs.effects import JobEffects
from app.store.jobs.submission import Submitter

__all__ = ["MUTATIONS", "Mutation"]


@dataclass(frozen=True)
class FunctionChange:
    """A change of a method.

    Attributes:
        owner: Its class.
        name: Its name.
        replacements: Text -> its replacement. Each text occurs once.
    """

    owner: type
    name: str
    replacements: Mapping[str, str]

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the method by the changed one."""
        function = getattr(self.owner, self.name)
        source = textwrap.dedent(inspect.getsource(function))
        for old, new in self.replacements.items():
            assert source.count(old) == 1, f"{self.name} does not contain {old!r}"
            source = source.replace(old, new)
        namespace = dict(vars(sys.modules[self.owner.__module__]))
        exec(compile(source, f"mutated {self.name}", "exec"), namespace)
        patch.setattr(self.owner, self.name, namespace[self.name])


@dataclass(frozen=True)
class Mutation:
    """A reverted fix.

    Attributes:
        row: Number of the fault in docs/reliability.md.
        violation: Pattern of the violation that the model reports.
        scripts: Text of a script -> its replacement.
        functions: Changes of the product.
    """

    row: int
    violation: str
    scripts: Mapping[str, str] = field(default_factory=dict)
    functions: Sequence[FunctionChange] = ()


_REPLAY = "return self._broker.replay_dead(queue, dead_letter.id, requeue)"
_REPLAY_IN_TWO_STEPS = """\
source = f"local function requeue(keys, args)\\n{_REQUEUE}\\nend\\nreturn {{requeue(KEYS, ARGV)}}"
        _, outcome = self._broker.client.eval(source, len(requeue.keys), *requeue.keys, *requeue.args)
        if outcome in _NOT_REPLAYABLE:
            raise NotReplayable(_NOT_REPLAYABLE[outcome])
        return self._broker.replay_dead(queue, dead_letter.id)"""

MUTATIONS = (
    # A lease expires although the server was not available.
    Mutation(
        row=4,
        violation="a live worker",
        scripts={
            "return refresh_availability(availability, lease_ms) >= lease_ms": (
                "refresh_availability(availability, lease_ms)\n  return true"
            )
        },
    ),
    # A replay resets the record of the job before it enqueues the message.
    Mutation(
        row=6,
        violation="an unfinished job has neither a message nor a dead letter|a result changed",
        functions=[
            FunctionChange(
                Administration,
                "_replay",
                {_REPLAY: _REPLAY_IN_TWO_STEPS},
            )
        ],
    ),
    # An idempotency key is kept for 24 hours.
    Mutation(
        row=8,
        violation="an idempotency key names a job that does not exist",
        functions=[
            FunctionChange(
                JobEffects,
                "_store_idempotency_key",
                {
                    "encode_idempotency(job.idempotency, job.id))": (
                        'encode_idempotency(job.idempotency, job.id), "EX", 86_400)'
                    ),
                    'Effect("HSET", self.keys.record(job.id), "idempotency", job.idempotency.name),': "",
                },
            ),
            FunctionChange(JobEffects, "_expire_others_of_dead", {"if job.idempotency is not None:": "if False:"}),
            FunctionChange(
                Submitter,
                "_find_existing_job",
                {
                    "if await self._delete_idempotency(keys=[name, keys.record(job_id)], args=[value]):": "if False:",
                },
            ),
        ],
    ),
    # A delivery counts although the message was not started in it.
    Mutation(
        row=9,
        violation="a dead letter counts a delivery that was not started",
        scripts={"local was_started = pending[1][4] >= started_mark": "local was_started = true"},
    ),
    # A worker records the start of a job when it claims the job.
    Mutation(
        row=14,
        violation="a record states a start that did not happen",
        functions=[
            FunctionChange(
                JobEffects,
                "claim",
                {
                    'Effect("HSET", record, "claim", worker),': (
                        'Effect("HSET", record, "claim", worker, "attempt", 1, "worker", worker),'
                        'Effect("HSETNX", record, "started_at_ms", 1),'
                    )
                },
            )
        ],
    ),
)
