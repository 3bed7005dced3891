"""Arbitrary valid logs for property tests: any events about a few names, some of them unknown.

A log is what gateways and a control plane could have written: contiguous versions per stream, sequences per
boot, batches, ages and clocks that sometimes jump.
"""

from typing import Any

from hypothesis import strategies as st

from interlock_domain import events as ev
from interlock_domain.catalog.key import GatewayKey
from interlock_domain.catalog.policy import CooldownPolicy, HalfOpenPolicy, Policy, TargetPolicy
from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target, split_target_id
from interlock_domain.recorded import BatchPart, RecordedEvent, Source
from interlock_domain.words import AdminState, FailureClass, Phase
from tests.libs.interlock_domain.projection.story import T0

STEP = 10
"""Positions between two records, so that a duplicate can stand between them."""

names = st.sampled_from(("a/x", "a/y", "b/z", "a/undeclared", "nobody/x"))
providers = st.sampled_from(("a", "b"))
pools = st.sampled_from(("p", "q"))
shapes = st.sampled_from(("text", "tools"))
rests = st.sampled_from(("text", "tools", "*"))
states = st.sampled_from(AdminState)
expiries = st.sampled_from((None, None, 0, 3_000, 50_000))
classes = st.sampled_from(FailureClass)
versions = st.sampled_from((None, "1", "2"))


def _target(name: str, version: str | None) -> Target:
    provider, model = split_target_id(name)
    return Target(id=name, provider=provider, model=model, software_version=version)


_policies = st.builds(
    lambda strikes, ramp, quorum: Policy(
        target=TargetPolicy(
            cooldown=CooldownPolicy(strikes=strikes, initial_ms=4_000, max_ms=20_000),
            half_open=HalfOpenPolicy(ramp_ms=ramp),
            quorum=quorum,
        )
    ),
    st.sampled_from((1, 2)),
    st.sampled_from((0, 5_000)),
    st.sampled_from((0, 1, 2)),
)
_pools = st.builds(
    lambda name, members: Pool(name=name, members=tuple(Member(target=m) for m in sorted(members))),
    pools,
    st.sets(names, min_size=1, max_size=3),
)

decisions: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        ev.ConfigApplied,
        revision=st.integers(1, 9),
        base_revision=st.just(0),
        digest=st.just("d"),
        origin=st.just("api"),
    ),
    st.builds(ev.PolicySet, policy=_policies),
    st.builds(
        lambda n, u: ev.ProviderDefined(provider=Provider(name=n, base_url=u)),
        providers,
        st.sampled_from("uv"),
    ),
    st.builds(ev.ProviderRemoved, provider=providers),
    st.builds(ev.ProviderStateSet, provider=providers, state=states, expires_in_ms=expiries),
    st.builds(
        ev.CredentialQuarantined,
        provider=providers,
        fingerprint=st.sampled_from(("f1", "f2")),
        failure=st.just(FailureClass.AUTH),
        recheck_ms=st.just(9_000),
    ),
    st.builds(ev.CredentialReleased, provider=providers, fingerprint=st.sampled_from(("f1", "f2"))),
    st.builds(lambda n, v: ev.TargetDefined(target=_target(n, v)), names, versions),
    st.builds(ev.TargetRemoved, target=names),
    st.builds(ev.TargetStateSet, target=names, state=states, expires_in_ms=expiries),
    st.builds(ev.CooldownSet, target=names, shape=rests, duration_ms=st.sampled_from((0, 2_000, 90_000))),
    st.builds(ev.CooldownLifted, target=names, shape=rests),
    st.builds(lambda pool: ev.PoolDefined(pool=pool), _pools),
    st.builds(ev.PoolRemoved, pool=pools),
    st.builds(ev.PoolStateSet, pool=pools, state=states, expires_in_ms=expiries),
    st.builds(ev.MemberStateSet, pool=pools, target=names, state=states, expires_in_ms=expiries),
    st.builds(lambda n: ev.GatewayKeyDefined(key=GatewayKey(name=n, sha256="00")), pools),
    st.builds(ev.GatewayKeyRevoked, name=pools),
)

_failed = st.builds(
    ev.AttemptFailed,
    request=st.sampled_from([f"r{n}" for n in range(9)]),
    attempt=st.just(1),
    pool=pools,
    target=names,
    shape=shapes,
    failure=classes,
    phase=st.sampled_from(Phase),
    status=st.sampled_from((None, 500)),
    retry_after_ms=st.sampled_from((None, None, None, 0, 3_000, 900_000)),
    elapsed_ms=st.sampled_from((0, 0, 8_000)),
    try_=st.sampled_from((1, 1, 1, 2)),
    ok_before=st.sampled_from((0, 0, 3)),
    probe=st.booleans(),
)
_rows = st.builds(ev.SuccessRow, target=names, shape=shapes, count=st.sampled_from((0, 1, 12)))
facts: st.SearchStrategy[Any] = st.one_of(
    _failed,
    _failed,
    _failed,
    st.builds(
        ev.AttemptSucceeded,
        request=st.just("s"),
        attempt=st.just(1),
        pool=pools,
        target=names,
        shape=shapes,
        probe=st.booleans(),
    ),
    st.builds(ev.SuccessesCounted, rows=st.lists(_rows, max_size=3).map(tuple)),
    st.builds(
        ev.GatewayReported,
        moment=st.sampled_from(("start", "running", "running", "stop")),
        fingerprints=st.dictionaries(providers, st.sampled_from(("f1", "f2")), max_size=2),
        pools=st.lists(pools, max_size=2, unique=True).map(tuple),
    ),
    st.just(ev.SnapshotRejected(version="g1:1", digest="d", reason="r")),
)

_gaps_ms = st.sampled_from((0, 1, 40, 300, 1_000, 4_000, 16_000, 70_000, -500, -5_000))
_ages_ms = st.sampled_from((0, 0, 0, 200, 4_000, 6_000))
_sources = st.tuples(
    st.sampled_from(("g1", "g2", "g3")), st.sampled_from((0, 1)), st.sampled_from(("b1", "b2"))
)
_moments = st.one_of(
    st.tuples(st.just("decisions"), st.lists(decisions, min_size=1, max_size=3), _gaps_ms),
    st.tuples(st.just("fact"), st.tuples(facts, _sources, _ages_ms, st.sampled_from((1, 1, 1, 3))), _gaps_ms),
    st.tuples(st.just("fact"), st.tuples(facts, _sources, _ages_ms, st.sampled_from((1, 1, 1, 3))), _gaps_ms),
    st.tuples(st.just("tick"), st.none(), _gaps_ms),
)


class _Writer:
    """Turns moments into records."""

    def __init__(self) -> None:
        self.log: list[RecordedEvent] = []
        self._now = T0
        self._versions: dict[str, int] = {}
        self._seqs: dict[tuple[str, int, str], int] = {}

    def declare(self) -> None:
        """What most logs begin with: two declared targets and reporting gateways."""
        self.decisions([ev.ProviderDefined(provider=Provider(name="a", base_url="u"))])
        self.decisions([ev.TargetDefined(target=_target("a/x", None))])
        for gateway in ("g1", "g2"):
            self.fact((ev.GatewayReported(fingerprints={"a": "f1"}, pools=("p",)), (gateway, 0, "b1"), 0, 1))

    def write(self, moment: tuple[str, Any, int]) -> None:
        kind, said, gap_ms = moment
        self._now += gap_ms
        if kind == "decisions":
            self.decisions(said)
        elif kind == "fact":
            self.fact(said)
        else:
            self._append("clock", ev.ClockTicked())

    def decisions(self, said: list[Any]) -> None:
        for index, event in enumerate(said):
            stream = f"s{sum(map(ord, type(event).__name__)) % 5}"
            self._versions[stream] = self._versions.get(stream, 0) + 1
            part = BatchPart(id=f"b{len(self.log) - index}", index=index, size=len(said))
            self._append(stream, event, version=self._versions[stream], batch=part)

    def fact(self, said: tuple[Any, tuple[str, int, str], int, int]) -> None:
        event, source, age_ms, step = said
        gateway, worker, boot = source
        seq = self._seqs[source] = self._seqs.get(source, 0) + step
        source_ = Source(gateway=gateway, worker=worker, boot=boot, seq=seq)
        self._append(f"gateway/{gateway}", event, source=source_, age_ms=age_ms)

    def _append(self, stream: str, event: Any, **envelope: Any) -> None:
        position = (len(self.log) + 1) * STEP
        fields: dict[str, Any] = {"version": None, "id": str(position)}
        self.log.append(
            RecordedEvent(
                position=position, recorded_ms=self._now, stream=stream, event=event, **(fields | envelope)
            )
        )


def _written(moments: list[tuple[str, Any, int]], declared: bool) -> list[RecordedEvent]:
    writer = _Writer()
    if declared:
        writer.declare()
    for moment in moments:
        writer.write(moment)
    return writer.log


logs: st.SearchStrategy[list[RecordedEvent]] = st.builds(
    _written, st.lists(_moments, max_size=40), st.sampled_from((True, True, True, False))
)
