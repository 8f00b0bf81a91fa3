"""The output of a job: stored and live, over HTTP and WebSockets."""
