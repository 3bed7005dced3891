"""How a pool orders the eligible members of one tier: one pure module per strategy, and a table."""
