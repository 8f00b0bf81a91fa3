"""LibreChat's code API, below /librechat/v1. docs/compat.md lists the differences."""
