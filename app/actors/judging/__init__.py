"""Runs the tests of a job, one after the other or at the same time, with checkers and interactors."""
