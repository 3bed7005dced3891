"""How a stream that broke after content goes on from another target."""
