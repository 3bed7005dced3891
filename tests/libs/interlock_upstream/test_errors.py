"""The tree of errors is as drawn."""

from interlock_upstream import ClientMisused, FailureKind, InvalidValue, Phase, UpstreamError, UpstreamFailed


def test_the_tree() -> None:
    for leaf in (UpstreamFailed, InvalidValue, ClientMisused):
        assert issubclass(leaf, UpstreamError)
    assert issubclass(InvalidValue, ValueError)
    assert issubclass(ClientMisused, RuntimeError)


def test_a_failure_says_kind_and_phase() -> None:
    failed = UpstreamFailed(FailureKind.RESET, Phase.BODY, "gone")
    assert (failed.kind, failed.phase, failed.detail) == ("reset", "body", "gone")
    assert str(failed) == "reset in body: gone"
    assert str(UpstreamFailed(FailureKind.DNS, Phase.CONNECT)) == "dns in connect"


def test_kinds_are_the_words_of_the_failure_memory() -> None:
    assert " ".join(FailureKind) == (
        "dns refused unreachable connect_timeout tls reset closed_early headers_timeout idle_timeout "
        "deadline malformed header_overflow body_overflow proxy pool_exhausted"
    )
