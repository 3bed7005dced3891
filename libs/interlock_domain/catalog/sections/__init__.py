"""The sections of interlock.yaml: every key once, with its kind and meaning; read from config.py inwards."""
