"""The gateway: Pyxec's HTTP and WebSocket APIs as an ASGI application.

This package imports nothing: workers need one function of a compat API, and not the gateway with all its libraries.
"""
