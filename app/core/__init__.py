"""What a job is: its spec, limits, states, outcomes, events, errors and the ports others fill. No I/O in here."""
