"""Shipped test kit: fakes, builders and one contract suite for each port."""
