"""Operators' commands: one event on the right stream, or a refusal that says what to do."""

import pytest

from interlock_domain.catalog.commands import (
    Command,
    LiftCooldown,
    QuarantineCredential,
    ReleaseCredential,
    SetCooldown,
    SetMemberState,
    SetPoolState,
    SetProviderState,
    SetTargetState,
)
from interlock_domain.catalog.decide import Rejected, RejectedWhy, decide
from interlock_domain.catalog.declared import Declared
from interlock_domain.events import (
    CooldownLifted,
    CooldownSet,
    CredentialQuarantined,
    CredentialReleased,
    Decision,
    MemberStateSet,
    PoolStateSet,
    ProviderStateSet,
    TargetStateSet,
)
from interlock_domain.words import AdminState, FailureClass
from tests.libs.interlock_domain.catalog.deciding import after, applying, events_of
from tests.libs.interlock_domain.catalog.reading import config_of

OFF, DRAIN, ON = AdminState.DISABLED, AdminState.DRAINED, AdminState.ENABLED
DECLARED = after(Declared(), applying(config_of(pools={"chat": ["local/a", "local/b"]})))


@pytest.mark.parametrize(
    ("command", "stream", "event"),
    [
        (
            SetProviderState(provider="local", state=OFF, expires_in_ms=5),
            "provider/local",
            ProviderStateSet(provider="local", state=OFF, expires_in_ms=5),
        ),
        (
            SetTargetState(target="local/a", state=DRAIN),
            "target/local/a",
            TargetStateSet(target="local/a", state=DRAIN),
        ),
        (SetPoolState(pool="chat", state=ON), "pool/chat", PoolStateSet(pool="chat", state=ON)),
        (
            SetMemberState(pool="chat", target="local/b", state=OFF, expires_in_ms=9),
            "pool/chat",
            MemberStateSet(pool="chat", target="local/b", state=OFF, expires_in_ms=9),
        ),
        (
            SetCooldown(target="local/a", duration_ms=600_000, shape="tools"),
            "target/local/a",
            CooldownSet(target="local/a", shape="tools", duration_ms=600_000),
        ),
        (LiftCooldown(target="local/a"), "target/local/a", CooldownLifted(target="local/a", shape="*")),
        (
            QuarantineCredential(
                provider="local",
                fingerprint="ab",
                failure=FailureClass.AUTH,
                recheck_ms=300_000,
                evidence=(4, 7),
            ),
            "provider/local",
            CredentialQuarantined(
                provider="local",
                fingerprint="ab",
                failure=FailureClass.AUTH,
                recheck_ms=300_000,
                evidence=(4, 7),
            ),
        ),
        (
            ReleaseCredential(provider="local", fingerprint="ab"),
            "provider/local",
            CredentialReleased(provider="local", fingerprint="ab"),
        ),
    ],
)
def test_a_command_is_one_event_on_the_stream_of_its_subject(
    command: Command, stream: str, event: Decision
) -> None:
    assert events_of(decide(DECLARED, command)) == [(stream, event)]


@pytest.mark.parametrize(
    "command",
    [
        SetTargetState(target="local/other/model", state=OFF),
        SetCooldown(target="local/other", duration_ms=1),
        LiftCooldown(target="local/other", shape="vision"),
    ],
)
def test_an_undeclared_model_of_a_known_provider_may_be_operated_on(command: Command) -> None:
    assert events_of(decide(DECLARED, command))


@pytest.mark.parametrize(
    ("command", "rejected"),
    [
        (
            SetProviderState(provider="locl", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_PROVIDER,
                message="there is no provider `locl`",
                hint="Did you mean `local`?",
            ),
        ),
        (
            SetTargetState(target="lcal/a", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_TARGET,
                message="there is no target `lcal/a`",
                hint="Did you mean `local/a`?",
            ),
        ),
        (
            SetCooldown(target="zzz", duration_ms=1),
            Rejected(
                reason=RejectedWhy.UNKNOWN_TARGET,
                message="there is no target `zzz`",
                hint="See: interlock get targets",
            ),
        ),
        (
            LiftCooldown(target="local/"),
            Rejected(
                reason=RejectedWhy.UNKNOWN_TARGET,
                message="there is no target `local/`",
                hint="Did you mean `local/b`?",
            ),
        ),
        (
            SetPoolState(pool="chatt", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_POOL,
                message="there is no pool `chatt`",
                hint="Did you mean `chat`?",
            ),
        ),
        (
            SetMemberState(pool="zzz", target="local/a", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_POOL,
                message="there is no pool `zzz`",
                hint="See: interlock get pools",
            ),
        ),
        (
            SetMemberState(pool="chat", target="local/c", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_MEMBER,
                message="pool `chat` has no member `local/c`",
                hint="Did you mean `local/b`?",
            ),
        ),
        (
            SetMemberState(pool="chat", target="zzz", state=OFF),
            Rejected(
                reason=RejectedWhy.UNKNOWN_MEMBER,
                message="pool `chat` has no member `zzz`",
                hint="Members: local/a, local/b.",
            ),
        ),
        (
            SetCooldown(target="local/a", duration_ms=1, shape="audio"),
            Rejected(
                reason=RejectedWhy.UNKNOWN_SHAPE,
                message="there is no shape `audio`",
                hint="Shapes: text, tools, vision, tools+vision, embeddings, or * for all.",
            ),
        ),
        (
            LiftCooldown(target="local/a", shape=""),
            Rejected(
                reason=RejectedWhy.UNKNOWN_SHAPE,
                message="there is no shape ``",
                hint="Shapes: text, tools, vision, tools+vision, embeddings, or * for all.",
            ),
        ),
        (
            QuarantineCredential(provider="x", fingerprint="ab", failure=FailureClass.AUTH, recheck_ms=1),
            Rejected(
                reason=RejectedWhy.UNKNOWN_PROVIDER,
                message="there is no provider `x`",
                hint="See: interlock get providers",
            ),
        ),
        (
            ReleaseCredential(provider="x", fingerprint="ab"),
            Rejected(
                reason=RejectedWhy.UNKNOWN_PROVIDER,
                message="there is no provider `x`",
                hint="See: interlock get providers",
            ),
        ),
    ],
)
def test_a_command_about_something_unknown_is_refused(command: Command, rejected: Rejected) -> None:
    assert decide(DECLARED, command) == rejected


@pytest.mark.parametrize("ms", [0, -1, 10**15])
def test_a_duration_above_nothing_and_below_ten_years_is_wanted(ms: int) -> None:
    commands: list[Command] = [
        SetProviderState(provider="local", state=OFF, expires_in_ms=ms),
        SetTargetState(target="local/a", state=OFF, expires_in_ms=ms),
        SetPoolState(pool="chat", state=OFF, expires_in_ms=ms),
        SetMemberState(pool="chat", target="local/a", state=OFF, expires_in_ms=ms),
        SetCooldown(target="local/a", duration_ms=ms),
        QuarantineCredential(provider="local", fingerprint="ab", failure=FailureClass.AUTH, recheck_ms=ms),
    ]
    for command in commands:
        decided = decide(DECLARED, command)
        assert isinstance(decided, Rejected)
        assert decided.reason == RejectedWhy.BAD_DURATION
