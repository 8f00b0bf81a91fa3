"""Tests of app.http.v1."""
