"""Settings of a serving process."""

import subprocess
import sys

PROGRAM = """
import gc, sys
from interlock_runtime.process import settle_process
settle_process()
print(sys.getswitchinterval() < 0.001, gc.get_threshold()[0] > 10_000, gc.get_freeze_count() > 1_000)
"""


def test_a_settled_process_switches_fast_and_collects_seldom() -> None:
    # In a process of its own: the settings are those of the whole interpreter.
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "True", "True"]
