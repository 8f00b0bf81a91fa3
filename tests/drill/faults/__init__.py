"""The faults of the scenarios. Each module returns functions that inject a fault and describe its effects."""
