"""Submission, reading and following of jobs, as all APIs use them."""
