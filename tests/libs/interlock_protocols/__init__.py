"""Tests of `interlock_protocols`."""
