"""Kinds of configuration values: each reads, writes, describes and gives the JSON Schema of its values."""
