"""One execution of a job: the sandbox that runs it, its time budget, and how its output is judged."""
