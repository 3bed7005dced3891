"""OpenTelemetry: what is exported, under which names, and how it leaves without being waited for."""
