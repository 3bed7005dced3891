"""Why a projector stands still: refusals of the loop, as values with a sentence for the operator."""

from enum import StrEnum

from msgspec import Struct


class HaltReason(StrEnum):
    """What made the projector stop; each needs somebody to look, none is repaired by trying again."""

    FENCED = "fenced"
    GAP = "gap"
    UNDECODABLE = "undecodable"
    LOG_SHORT = "log_short"
    LOG_HOLE = "log_hole"
    NO_BEGINNING = "no_beginning"
    BUG = "bug"


class Halt(Struct, frozen=True, kw_only=True):
    """A reason and what to do about it."""

    reason: HaltReason
    sentence: str


def fenced(projection: str, epoch: int, *, stands_by: bool = False) -> Halt:
    """Another owner has claimed the projection since; a member of a cluster stands by and needs nobody."""
    what_to_do = "stop this process, or stop the other one and start this one again"
    return Halt(
        reason=HaltReason.FENCED,
        sentence=f"another process owns projection {projection} now (this one held epoch {epoch}): nothing "
        f"more is written here; {'it stands by from now on' if stands_by else what_to_do}",
    )


def gap(projection: str, found: str) -> Halt:
    """A version of a decision stream is missing, so everything after it would be folded on a wrong ground."""
    return Halt(
        reason=HaltReason.GAP,
        sentence=f"projection {projection} stands before a gap ({found}): the missing decision must come "
        "through the log; check that the relay runs, then start the projector again",
    )


def undecodable(projection: str, found: str) -> Halt:
    """A decision that this version cannot read: skipping it would fold a different catalog."""
    return Halt(
        reason=HaltReason.UNDECODABLE,
        sentence=f"projection {projection} stands before a decision that it cannot read ({found}): it was "
        "written by a newer version; upgrade the projector first, then the control plane, then the gateways",
    )


def log_short(projection: str, views: int, head: int) -> Halt:
    """The views stand behind the end of the log: the log was cut or replaced."""
    return Halt(
        reason=HaltReason.LOG_SHORT,
        sentence=f"the views of {projection} stand at position {views} but the log ends at {head}: it was "
        "restored from an older copy; restore the whole database, or remove the views to rebuild them",
    )


def log_hole(projection: str, state: int, views: int) -> Halt:
    """Records between the newest checkpoint and the views are not in the log any more."""
    return Halt(
        reason=HaltReason.LOG_HOLE,
        sentence=f"projection {projection} can be folded to position {state} only, but its views stand "
        f"at {views}: the log lost what is between; lengthen its retention, and remove the views"
        " to rebuild them",
    )


def no_beginning(projection: str, begins: int, source: str) -> Halt:
    """A rebuild, and the log begins after the oldest checkpoint that it could go on from."""
    return Halt(
        reason=HaltReason.NO_BEGINNING,
        sentence=f"projection {projection} cannot begin: the log begins at position {begins}, and {source} "
        f"has no checkpoint there or later that this version can read; let {source} run until it has saved "
        "one with this version, then start the rebuild again",
    )


def bug(projection: str, error: Exception) -> Halt:
    """Something that must not happen did; the trace is in the log of the process."""
    return Halt(
        reason=HaltReason.BUG,
        sentence=f"projection {projection} met a mistake of ours ({type(error).__name__}: {error}): "
        "gateways go on from what they hold; please report the trace, and start the process again",
    )
