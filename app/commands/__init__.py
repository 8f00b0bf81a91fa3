"""The commands of ``pyxec``, a file each. What is heavy is imported by the command that needs it, when it runs."""
