"""Rate limits, slots, storage quotas and API keys of the callers."""
