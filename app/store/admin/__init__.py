"""What operators see and change: queues, dead letters, jobs, stored data, and the audit log."""
