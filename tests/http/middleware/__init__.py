"""Tests of app.http.middleware."""
