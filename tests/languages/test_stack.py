"""The stack of a program: by default as large as its memory, and not too large for many threads."""

from __future__ import annotations

from typing import Final

import pytest

from app.core.limits import MIB
from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import SandboxFixture

pytestmark = pytest.mark.docker

DEPTH: Final = 1_000_000
# Each recurses to DEPTH, then prints it.
RECURSIONS: Final = {
    "c": """
#include <stdio.h>
static int depth(volatile int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
int main(void) { printf("%d\\n", depth(1000000)); }
""",
    "cpp": """
#include <cstdio>
static int depth(volatile int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
int main() { std::printf("%d\\n", depth(1000000)); }
""",
    "python": """
import sys
sys.setrecursionlimit(10**6 + 100)
def depth(n): return 0 if n == 0 else 1 + depth(n - 1)
print(depth(1000000))
""",
    "java": """
public class Main {
    static int depth(int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
    public static void main(String[] args) throws Exception {
        var thread = new Thread(null, () -> System.out.println(depth(1000000)), "deep", 1 << 28);
        thread.start();
        thread.join();
    }
}
""",
}
# Each starts 500 threads that run at the same time, then prints 500.
THREADS: Final = {
    "c": """
#include <pthread.h>
#include <stdio.h>

static pthread_barrier_t barrier;
static void *wait_for_all(void *unused) { pthread_barrier_wait(&barrier); return unused; }

int main(void)
{
    pthread_t threads[500];
    int started = 0;
    pthread_barrier_init(&barrier, NULL, 500);
    for (int i = 0; i < 500; i++)
        started += pthread_create(&threads[i], NULL, wait_for_all, NULL) == 0;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("%d\\n", started);
}
""",
    "python": """
import threading

barrier = threading.Barrier(500)
threads = [threading.Thread(target=barrier.wait) for _ in range(500)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(threads))
""",
    "java": """
public class Main {
    public static void main(String[] args) throws Exception {
        var threads = new Thread[480];  // the JVM has threads of its own
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> { try { Thread.sleep(1000); } catch (InterruptedException e) { } });
            threads[i].start();
        }
        for (var thread : threads) thread.join();
        System.out.println(threads.length + 20);
    }
}
""",
}


@pytest.mark.languages(*RECURSIONS)
def test_recursion_to_a_depth_of_a_million_works(sandbox: SandboxFixture, language: str) -> None:
    memory_bytes = (256 if language in ("c", "cpp") else 1024) * MIB

    result = sandbox.run(program(language, RECURSIONS[language], memory_bytes=memory_bytes))

    assert (result.outcome, result.text) == (Outcome.OK, f"{DEPTH}\n"), result.verdict


def test_recursion_ends_at_the_stack_limit(sandbox: SandboxFixture) -> None:
    result = sandbox.run(program("c", RECURSIONS["c"], stack_bytes=8 * MIB))

    assert (result.outcome, result.last.signal) == (Outcome.SIGNALED, 11)


@pytest.mark.languages(*THREADS)
@pytest.mark.parametrize("memory_mib", [256, 2048])
def test_program_with_500_threads_works(sandbox: SandboxFixture, language: str, memory_mib: int) -> None:
    spec = program(language, THREADS[language], memory_bytes=memory_mib * MIB, processes=512, wall_seconds=60)

    result = sandbox.run(spec)

    assert (result.outcome, result.text) == (Outcome.OK, "500\n"), result.stderr[-500:]
