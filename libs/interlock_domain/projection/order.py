"""What the log may repeat, hold back or miss: versions, batches and the sequences of boots.

Rule: decisions are applied in units (a batch, or a single one) whose every version is the next of its
stream. An older one is a repetition and changes nothing; a newer one, or a torn batch, shows a gap, and then
no unit is applied until the missing one comes, because the relay publishes everything from there again. A
fact is new when its sequence is; what a sequence misses is counted as lost and not waited for. Dropped:
applying out of order what seems independent, since nobody can tell that from an event.
"""

from collections.abc import Sequence

from interlock_domain.events import GatewayReported
from interlock_domain.projection.state import BootState, Gap, GatewayState, State
from interlock_domain.projection.step import Step
from interlock_domain.recorded import RecordedEvent


def begins_batch(state: State, recorded: RecordedEvent) -> bool:
    """Does a batch begin here that has to wait for its last record?"""
    batch = recorded.batch
    return batch is not None and batch.index == 0 and batch.size > 1 and not is_known(state, recorded)


def is_part(recorded: RecordedEvent, begun: RecordedEvent) -> bool:
    """Are these two decisions of one batch?"""
    batch, first = recorded.batch, begun.batch
    return batch is not None and first is not None and batch.id == first.id


def shows_torn(state: State, recorded: RecordedEvent) -> bool:
    """Does this decision of another unit show that the staged batch will not be completed?"""
    if recorded.version is None or is_known(state, recorded):
        return False
    return not is_part(recorded, state.staged[0])


def completes(recorded: RecordedEvent, begun: RecordedEvent) -> bool:
    """Is this the record that the batch waits for?"""
    batch = recorded.batch
    return batch is not None and is_part(recorded, begun) and batch.index >= batch.size - 1


def is_known(state: State, recorded: RecordedEvent) -> bool:
    """Was this decision applied before?"""
    return recorded.version is not None and recorded.version <= state.versions.get(recorded.stream, 0)


def admit_unit(state: State, unit: Sequence[RecordedEvent]) -> bool:
    """May these decisions be applied? Sets or clears the state's gap."""
    found = _missing(state, unit)
    if found is not None:
        state.gap = state.gap or found
        return False
    gap = state.gap
    if gap is not None:
        if all((r.stream, r.version) != (gap.stream, gap.expected) for r in unit):
            return False
        state.gap = None
    return True


def _missing(state: State, unit: Sequence[RecordedEvent]) -> Gap | None:
    fresh = [(r.stream, r.version) for r in unit if r.version is not None and not is_known(state, r)]
    if not fresh:
        return None
    batch = unit[0].batch
    if batch is not None and {r.batch.index for r in unit if r.batch is not None} != set(range(batch.size)):
        stream, version = fresh[0]
        return Gap(stream=stream, expected=version, got=version, batch=batch.id)
    versions: dict[str, int] = {}
    for stream, version in fresh:
        expected = versions.get(stream, state.versions.get(stream, 0)) + 1
        if version > expected:
            return Gap(stream=stream, expected=expected, got=version)
        versions[stream] = max(version, expected - 1)
    return None


def admit_fact(step: Step) -> bool:
    """Is this fact new, and may it be judged? Counts what is missing before it."""
    state, source = step.state, step.recorded.source
    if source is None:
        state.unattributed += 1
        return False
    gateway = state.gateways.get(source.gateway)
    if gateway is None:
        gateway = state.gateways[source.gateway] = GatewayState()
    key = f"{source.worker}/{source.boot}"
    boot = gateway.boots.get(key)
    if boot is None:
        boot = gateway.boots[key] = BootState(
            seq=source.seq, seen_ms=step.now_ms, lost=max(0, source.seq - 1)
        )
    elif source.seq <= boot.seq:
        return False
    else:
        boot.lost += source.seq - boot.seq - 1
        boot.seq = source.seq
        boot.seen_ms = step.now_ms
    step.gateway, step.boot = source.gateway, boot
    event = step.recorded.event
    if isinstance(event, GatewayReported):
        boot.report = event
        boot.reported_ms = step.now_ms
    elif boot.report is None:
        boot.unjudged += 1
        return False
    return True
