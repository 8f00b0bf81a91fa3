"""The API of Dify's sandbox, below /dify. docs/compat.md lists the differences."""
