"""The wiring of each process. Only ``gateway`` and ``worker`` depend on all other packages.

``connections`` creates Redis clients, ``api_keys`` the store of API keys.
"""
