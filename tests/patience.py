"""Time-outs of tests on slow machines."""

from __future__ import annotations

import os

__all__ = ["VARIABLE", "patient"]

#: Environment variable with the factor for all time-outs of tests. `make test-cgroup2` sets it.
VARIABLE = "PYXEC_TEST_PATIENCE"
_FACTOR = float(os.environ.get(VARIABLE, "1"))


def patient(seconds: float) -> float:
    """Return a time-out, multiplied by PYXEC_TEST_PATIENCE. Limits of the product are not multiplied."""
    return seconds * _FACTOR
