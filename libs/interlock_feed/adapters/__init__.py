"""Adapters of the port: one module each, constructed by composition roots only."""
