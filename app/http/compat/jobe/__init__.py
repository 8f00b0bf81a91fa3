"""Jobe's API, which Moodle's CodeRunner uses, below /jobe/index.php/restapi. docs/compat.md lists the differences."""
