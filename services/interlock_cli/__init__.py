"""The command line: one module per verb in verbs/, each a thin client of the control plane's HTTP API."""
