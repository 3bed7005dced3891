"""The verbs: one module each, with a function `command` whose parameters are the options."""
