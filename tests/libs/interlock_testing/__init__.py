"""Tests of `interlock_testing`."""
