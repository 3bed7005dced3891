"""The official SDKs, asked the same things twice: straight at a provider, and through a gateway before it."""
