"""The Dramatiq actors: they run jobs, deliver webhooks, recover the messages of lost workers and maintain a worker."""
