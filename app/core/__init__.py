"""The job model: specification, limits, states, results, events, errors and judging. It does no I/O."""
