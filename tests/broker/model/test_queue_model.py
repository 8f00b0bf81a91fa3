"""The queue keeps its guarantees in all interleavings that the model tries, and the model finds reverted fixes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test

from tests.broker.model.mutations import MUTATIONS, Mutation
from tests.broker.model.queue_model import QueueModel
from tests.broker.model.server import ClockedServer, ScriptCache
from tests.broker.model.tasks import MonotonicClock
from tests.broker.model.worker import replace_waiting
from tests.http.raw_requests import MORE_EXAMPLES

_EXAMPLES = 50
# With this seed, each mutation is found by fewer than 30 examples.
_EXAMPLES_OF_MUTATION = 150


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockedServer]:
    running = ClockedServer(tmp_path_factory.mktemp("model"))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Discard the log: it takes longer than the model."""

    def drop_event(*_: object) -> None:
        raise structlog.DropEvent

    monkeypatch.setattr("app.actors.run_job._log", structlog.wrap_logger(None, processors=[drop_event]))
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def run_model(server: ClockedServer, patch: pytest.MonkeyPatch, scripts: ScriptCache, examples: int) -> None:
    """Run the model.

    Args:
        server: The server.
        patch: Undoes changes of the product.
        scripts: The scripts that the server executes.
        examples: Maximum number of examples. They are the same in every run, unless more are requested.
    """
    clock = MonotonicClock()
    replace_waiting(patch, clock)
    # Hypothesis would also draw constants of the modules that happen to be imported, and repeat parts of examples.
    patch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *args, **kwargs: None)
    patch.setattr(ConjectureRunner, "generate_mutations_from", lambda *args: None)
    model = type("QueueModel", (QueueModel,), {"server": server, "scripts": scripts, "clock": clock})
    limits = settings(
        max_examples=examples * MORE_EXAMPLES,
        stateful_step_count=60,
        derandomize=MORE_EXAMPLES == 1,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(model, settings=limits)


def test_queue_keeps_its_guarantees_in_random_interleavings(
    server: ClockedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_model(server, monkeypatch, ScriptCache(server.client, {}), _EXAMPLES)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"row-{mutation.row}")
def test_queue_model_finds_a_reverted_fix(
    server: ClockedServer, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    for change in mutation.functions:
        change.apply(monkeypatch)
    scripts = ScriptCache(server.client, mutation.scripts)

    with pytest.raises(AssertionError, match=mutation.violation):
        run_model(server, monkeypatch, scripts, _EXAMPLES_OF_MUTATION)

    assert scripts.replaced == set(mutation.scripts)
