"""Tool schemas that upstreams are known to refuse, and their repair, byte by byte."""
