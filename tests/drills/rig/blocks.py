"""Work that is cut into blocks of seeds, done on every core, and gone on with after a stop.

Rule: a block is named by what it is made of and leaves nothing but its tally, which is added to the file of
the run as soon as it is done; so a run that was stopped repeats at most one block for each core. Threads were
dropped: the work is Python's own.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

SHOWN: Final = 20
"""Differences that are kept in words; more are counted."""


class Block(Struct, frozen=True):
    """So many seeds of one part, from `first` on."""

    part: str
    first: int
    size: int

    @property
    def name(self) -> str:
        """As it is written down."""
        return f"{self.part}:{self.first}+{self.size}"


class Tally(Struct):
    """What came of some blocks of one part: counts by name, and what was found, in words."""

    counts: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def join(self, other: "Tally") -> None:
        """Take over the counts and findings of another."""
        for name, number in other.counts.items():
            self.add(name, number)
        self.found = [*self.found, *other.found][:SHOWN]


class Progress(Struct):
    """A run as far as it has come; `run` says which run that is."""

    run: str
    commits: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    seconds: float = 0.0


def blocks_of(parts: list[str], each: int, size: int, first: int) -> list[Block]:
    """All blocks of a run, the parts taking turns, so that a run cut short has seen something of each."""
    starts = range(0, each, size)
    return [Block(part, first + start, min(size, each - start)) for start in starts for part in parts]


def resumed(path: Path, run: str, *, fresh: bool) -> Progress:
    """What an earlier run of the same name left unfinished, else a new beginning."""
    if fresh:
        shutil.rmtree(path.parent, ignore_errors=True)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        return Progress(run)
    return found if found.run == run else Progress(run)


def work_off(
    blocks: list[Block], work: Callable[[Block], Tally], progress: Progress, path: Path
) -> Iterator[Block]:
    """Do what is not done yet; each block as it is done and written down."""
    waiting = [block for block in blocks if block.name not in progress.done]
    path.parent.mkdir(parents=True, exist_ok=True)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        running = {pool.submit(work, block): block for block in waiting}
        try:
            for future in as_completed(running):
                block = running[future]
                progress.tallies.setdefault(block.part, Tally()).join(future.result())
                progress.done.append(block.name)
                path.write_bytes(msgspec.json.encode(progress))
                yield block
        finally:
            pool.shutdown(cancel_futures=True)
