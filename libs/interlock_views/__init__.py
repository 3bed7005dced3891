"""Views: rows, checkpoints and transitions that a projection owns, written in one transaction."""
