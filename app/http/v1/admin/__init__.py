"""The administration API, /v1/admin."""
