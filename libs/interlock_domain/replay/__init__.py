"""Going back: state at a past position, decisions recomputed, records explained; nothing here writes."""
