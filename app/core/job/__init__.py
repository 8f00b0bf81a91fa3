"""A job: what a caller submits, what is stored, what happens, and the result."""
