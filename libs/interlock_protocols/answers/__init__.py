"""Whole answers: what an answer that is not streamed must have, whichever API it belongs to."""
