"""Facts of gateways about themselves: who is live, who asks for which pool, and which credentials are in use.

Rule: a gateway is live while any boot of it reported within 10 s of log time; a clean stop ends that at once.
A fingerprint that nobody reported for that provider within the hour is a changed credential.
"""

from typing import Final

from interlock_domain.events import GatewayReported, SnapshotRejected
from interlock_domain.projection.catalog import clear_provider
from interlock_domain.projection.state import GatewayState, PoolState
from interlock_domain.projection.step import Step

LIVE_MS: Final = 10_000
"""Five reports missed: short of that a busy process would count as lost."""
ACTIVE_MS: Final = 60_000
"""A gateway asked for a pool that lately takes part in its probe slots (requirements D5)."""
FINGERPRINT_MS: Final = 3_600_000
"""A rolling restart is over within the hour; later, an old secret that returns is news."""
FINGERPRINTS_KEPT: Final = 8
STOP: Final = "stop"


def gateway_reported(step: Step, event: GatewayReported) -> None:
    """A sign of life."""
    gateway = step.state.gateways[step.gateway]
    stopped = event.moment == STOP
    if stopped and live_until_ms(gateway) <= step.now_ms:
        gateway.live = False
        for name, pool in step.state.pools.items():
            _leave(step, name, pool)
        return
    gateway.live = True
    step.schedule(f"gateway/{step.gateway}", step.now_ms + LIVE_MS)
    if not stopped:
        for name in event.pools:
            _named(step, name)
        for provider, fingerprint in event.fingerprints.items():
            _in_use(step, provider, fingerprint)


def live_until_ms(gateway: GatewayState) -> int:
    """When the gateway counts as lost, unless it reports again."""
    return max(
        (
            boot.reported_ms + LIVE_MS
            for boot in gateway.boots.values()
            if boot.report is not None and boot.report.moment != STOP
        ),
        default=0,
    )


def snapshot_rejected(step: Step, event: SnapshotRejected) -> None:
    """A gateway refused a snapshot and keeps its last good one."""
    step.boot.rejected = event


def _named(step: Step, name: str) -> None:
    pool = step.state.pools.get(name)
    if pool is None:
        return
    if step.gateway not in pool.gateways:
        step.touch(f"pool/{name}")
    pool.gateways[step.gateway] = step.now_ms
    step.schedule(f"pool/{name}", step.now_ms + ACTIVE_MS)


def _leave(step: Step, name: str, pool: PoolState) -> None:
    if pool.gateways.pop(step.gateway, None) is not None:
        step.touch(f"pool/{name}")


def _in_use(step: Step, name: str, fingerprint: str) -> None:
    provider = step.state.providers.get(name)
    if provider is None:
        return
    known_ms = provider.fingerprints.pop(fingerprint, None)
    provider.fingerprints[fingerprint] = step.now_ms
    if known_ms is not None and step.now_ms - known_ms <= FINGERPRINT_MS:
        return
    clear_provider(step, name)
    if len(provider.fingerprints) > FINGERPRINTS_KEPT:
        del provider.fingerprints[min(provider.fingerprints, key=lambda f: (provider.fingerprints[f], f))]
