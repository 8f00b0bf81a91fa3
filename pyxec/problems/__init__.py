"""Judging of problem packages in the format of ICPC and Kattis.

from pyxec import Client
from pyxec.problems import judge_package, read_package

package = read_package("examples/problems/fractions")
with Client() as client:
    report = judge_package(client, package)
print(report.is_ok)
"""

from __future__ import annotations

from pyxec.problems.document import PackageError
from pyxec.problems.judge import JudgeOptions, Progress, judge_package
from pyxec.problems.package import Package, read_package
from pyxec.problems.report import PackageReport, SubmissionReport, TestResult
from pyxec.problems.submissions import Submission, find_submissions

__all__ = [
    "JudgeOptions",
    "Package",
    "PackageError",
    "PackageReport",
    "Progress",
    "Submission",
    "SubmissionReport",
    "TestResult",
    "find_submissions",
    "judge_package",
    "read_package",
]
