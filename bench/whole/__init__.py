"""The whole of Pyxec under measurement: API, server, worker and engine, as a client sees them."""
