"""The command line: ``pyxec``, also ``python -m app.cli``. Each command is a module."""
