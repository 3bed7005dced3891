"""The demo: three simulated providers, a little traffic, and a live view of what Interlock makes of it."""
