"""All data in Redis except the queues.

callers/        rate limits, slots, storage quotas, API keys
jobs/           submission, records, output logs, input, results
workspaces/     workspaces and the jobs that use them
files/          the list of files and their uses
webhooks/       due webhooks and their slots
admin/          queues, dead letters, stored data and the audit log, for operators
lua/            the scripts, in folders with the same names
connection.py, keys.py
                clients and the names of all keys
"""
