"""The administration API, /v1/admin. All of its routes require an admin key."""
