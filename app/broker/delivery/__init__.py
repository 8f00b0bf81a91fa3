"""Delivery of messages to the threads of a worker: fetching, leases and settlement."""
