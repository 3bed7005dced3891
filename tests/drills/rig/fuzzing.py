"""Fuzzing one target for a while: inputs from its seeds, bent, and those kept that end in a new way.

Rule: one process, one target, one seed, and a wall clock; what is found is written down and the search goes
on, each finding once. An input that takes longer than `LONGEST_S` is a finding. atheris, which also follows
the code's branches, does the same where it is installed: see `fuzz_atheris`.
"""

import hashlib
import random
import resource
import signal
import traceback
from collections.abc import Hashable
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final

from msgspec import Struct, field

from tests.drills.rig.fuzz_input import Target

LONGEST_S: Final = 5.0
"""No input is longer than LONGEST_INPUT; all of these functions are linear in it and take milliseconds."""
LONGEST_INPUT: Final = 24 * 1024
KEPT: Final = 3_000
"""Inputs that are bent further; beyond it a new one takes the place of any."""


class TookTooLong(Exception):
    """The input has not ended in time."""


class Finding(Struct):
    """Something that may not happen: where, what, and the input's file."""

    target: str
    where: str
    what: str
    path: str


class Searched(Struct):
    """What came of one search."""

    target: str
    inputs: int = 0
    ways: int = 0
    """In which inputs ended, or edges of the code that they took."""
    slowest_ms: float = 0.0
    grown_mb: float = 0.0
    """Resident memory at its most, above that after the seeds."""
    findings: list[Finding] = field(default_factory=list)


class Recorder:
    """Runs inputs, measures them, and writes findings down."""

    def __init__(self, target: Target, folder: Path, *, longest_s: float = LONGEST_S) -> None:
        self.searched = Searched(target.name)
        self._longest_s = longest_s
        self._target = target
        self._folder = folder
        self._places: set[str] = set()
        if longest_s:
            signal.signal(signal.SIGALRM, _too_long)

    def run(self, data: bytes) -> Hashable:
        """The way in which it ended; None: badly, and that is written down."""
        self.searched.inputs += 1
        began = monotonic()
        if self._longest_s:
            signal.setitimer(signal.ITIMER_REAL, self._longest_s)
        try:
            return self._target.run(data)
        except Exception as error:  # noqa: BLE001  that is what is looked for
            self._write(data, error)
            return None
        finally:
            if self._longest_s:
                signal.setitimer(signal.ITIMER_REAL, 0)
            took = (monotonic() - began) * 1000
            self.searched.slowest_ms = round(max(self.searched.slowest_ms, took), 1)

    def _write(self, data: bytes, error: Exception) -> None:
        frames = [
            f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)
        ]
        where = " ".join(frames[-3:])
        if where in self._places:
            return
        self._places.add(where)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        what = f"{type(error).__name__}: {error}"[:600]
        self.searched.findings.append(Finding(self._target.name, where, what, str(path)))


def search(
    target: Target, folder: Path, *, seconds: float, seed: int, longest_s: float = LONGEST_S
) -> Searched:
    """Bend inputs until the time is over. `longest_s` 0: no alarm, where somebody else has one."""
    ends = monotonic() + seconds
    recorder = Recorder(target, folder, longest_s=longest_s)
    draw = random.Random(f"{seed} {target.name}")
    kept = [each[:LONGEST_INPUT] for each in target.seeds()]
    ways = {recorder.run(each) for each in kept}
    after_seeds = resident_mb()
    while monotonic() < ends:
        data = bent(draw, kept, target.words)
        way = recorder.run(data)
        if way is not None and way not in ways:
            ways.add(way)
            if len(kept) < KEPT:
                kept.append(data)
            else:
                kept[draw.randrange(KEPT)] = data
    recorder.searched.ways = len(ways)
    recorder.searched.grown_mb = round(resident_mb() - after_seeds, 1)
    return recorder.searched


def resident_mb() -> float:
    """The most that this process ever had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bent(draw: random.Random, kept: list[bytes], words: tuple[bytes, ...]) -> bytes:
    """One of the inputs, changed in one to six places."""
    data = bytearray(draw.choice(kept))
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        at = draw.randrange(len(data) + 1)
        end = min(len(data), at + draw.choice((0, 1, 1, 2, 4, 16, 100)))
        way = draw.randrange(8)
        if way == 0 and data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
        elif way == 1:
            data[at:end] = b""
        elif way == 2:
            data[at:end] = bytes(draw.randrange(256) for _ in range(draw.randrange(5)))
        elif way == 3:
            data[at:at] = data[at:end] * draw.choice((1, 2, 9))
        elif way == 4:
            other = draw.choice(kept)
            start = draw.randrange(len(other) + 1)
            data[at:] = other[start:]
        elif way == 5:
            del data[at:]
        else:
            data[at:end] = draw.choice(words) if words else b""
    return bytes(data[:LONGEST_INPUT])


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong(f"more than {LONGEST_S} s")
