"""Everything about Redis that is not the queue: job records, output logs, what is sent to a running job, token
buckets, and which languages are installed where."""
