"""All data in Redis except the queues: records, output logs, rate limits, API keys, languages, metrics and webhooks."""
