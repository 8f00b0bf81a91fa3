"""The list of files, their owners and their uses."""
