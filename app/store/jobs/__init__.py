"""Jobs: submission, records, output logs, results, and the effects of a finished job."""
