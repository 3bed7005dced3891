"""The data plane: speaks the client APIs, routes and fails over from a snapshot, tells what it saw.

The walk of a request: app -> exchange -> (routing) -> walk -> attempt -> unary | stream -> ledger.
"""
