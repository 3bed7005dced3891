"""The state feed: what projectors publish and gateways follow."""
