"""Addresses to listen on: which of them this machine alone reaches."""

import pytest

from interlock_runtime.listen import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_reaches_it(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "192.168.1.2", "fe80::1", "gateway.test"])
def test_others_may_reach_it(host):
    assert not is_loopback(host)
