"""Tests of app.http.jobs."""
