"""SandboxFusion's API, below /sandboxfusion. docs/compat.md lists the differences."""
