"""Creates the tests: the same ones in each run. `large` has 9 MB."""

import random
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
RANDOM = random.Random(2026)


def write(name, numbers):
    path = DATA / f"{name}.in"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, [len(numbers), *numbers])) + "\n")
    path.with_suffix(".ans").write_text("\n".join(map(str, sorted(numbers))) + "\n")


write("sample/1", [3, -1, 2])
for index in range(20):
    write(f"secret/small/{index + 1:02}", [RANDOM.randint(-100, 100) for _ in range(RANDOM.randint(1, 100))])
for index in range(2):
    write(f"secret/large/{index + 1}", [RANDOM.randint(-(10**9), 10**9) for _ in range(150_000 * (index + 1))])
