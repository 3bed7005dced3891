"""Which candidates a request may use, in which order, and why: one function over one snapshot."""
