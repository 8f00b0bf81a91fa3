"""The job model: specification, limits, states, results, events, errors and judging. It does no I/O.

job/            what a caller submits, what is stored, what happens, and the result
judging/        tests, comparison of outputs, checkers, groups and verdicts of phases
execution/      the sandbox as a port, the time budget of a job, and the judging while it runs
"""
