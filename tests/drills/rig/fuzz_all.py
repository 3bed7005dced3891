"""Every fuzz target that is a function of bytes."""

from typing import Final

from tests.drills.rig import fuzz_protocol, fuzz_resume, fuzz_upstream

TARGETS: Final = (*fuzz_protocol.TARGETS, *fuzz_resume.TARGETS, *fuzz_upstream.TARGETS)
