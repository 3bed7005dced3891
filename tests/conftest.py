"""What holds for every test: the contract suites are ordinary modules, so their asserts are told in full."""

import pytest

pytest.register_assert_rewrite("interlock_testing.contracts")
