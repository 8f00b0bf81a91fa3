"""Background work: run a job, recover what lost its worker, keep the house."""
