"""Puts the parts together: the only package that knows every other. Import the module of the process that you are:

gateway: the HTTP API's application.
broker: the broker with all actors, for workers and schedulers.
api_keys: the store of API keys.
connections: Redis clients, ids and the time.
"""
