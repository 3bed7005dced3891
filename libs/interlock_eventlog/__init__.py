"""The event log: the port, the envelope's codec, upcasters, and adapters."""
