"""One running demo for all tests of verbs; what they change is at cirrus, which the demo hardly uses.

Of one module: it goes on asking its gateway as long as it lives, and what is read of its history is bounded.
"""

from collections.abc import Iterator

import pytest

from tests.services.interlock_quickstart.process import Quick


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quick]:
    """A demo that has failed over once and told of its first recovery."""
    running = Quick(tmp_path_factory.mktemp("demo")).start()
    try:
        running.line("interlock explain [0-9a-f]{6}")
        yield running
    finally:
        running.close()
