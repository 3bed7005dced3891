"""One order for decisions, outcomes and observations."""

from typing import Any

from interlock_cli.timeline import columns, merged


def event(position: int, type: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "position": position,
        "recorded_ms": 1_000 * position,
        "type": type,
        "stream": "target/a/x",
        "data": data,
        **more,
    }


def failed(position: int, request: str) -> dict[str, Any]:
    data = {
        "request": request,
        "pool": "chat",
        "target": "a/x",
        "shape": "text",
        "class": "server_error",
        "phase": "headers",
        "status": 500,
    }
    return event(position, "AttemptFailed", data, source={"gateway": "g", "boot": "b", "seq": 1})


def opened(position: int, *evidence: int) -> dict[str, Any]:
    return {
        "kind": "CooldownOpened",
        "subject": "target/a/x",
        "position": position,
        "n": 0,
        "at_ms": 1_000,
        "shape": "*",
        "failure": "server_error",
        "provenance": "heuristic",
        "until_ms": 16_000,
        "evidence": list(evidence),
    }


def test_an_observation_stands_right_behind_its_cause_whatever_came_in_first() -> None:
    entries = merged([failed(7, "cccccccc"), failed(5, "aaaaaaaa")], [opened(5, 3, 5)])
    assert [(entry.position, entry.kind) for entry in entries] == [
        (5, "AttemptFailed"),
        (5, "-> CooldownOpened"),
        (7, "AttemptFailed"),
    ]


def test_what_two_pages_hold_twice_is_shown_once() -> None:
    assert len(merged([failed(5, "a"), failed(5, "a")], [opened(5), opened(5)])) == 2


def test_evidence_is_named_by_position_and_by_request_where_it_is_known() -> None:
    entry = merged([failed(5, "aaaaaaaa1111")], [opened(5, 3, 5)])[1]
    assert entry.why == "evidence 3, 5 (requests aaaaaa)"
    assert entry.what == "all shapes server_error heuristic for 15 s"


def test_decisions_tell_who_and_why() -> None:
    data = {"target": "a/x", "state": "disabled", "expires_in_ms": 600_000}
    entry = merged([event(1, "TargetStateSet", data, actor="alice", reason="billing")], [])[0]
    assert columns(entry)[2:] == ("a/x", "TargetStateSet", "disabled for 10 min", 'by alice ("billing")')


def test_an_event_without_words_of_its_own_shows_its_short_values() -> None:
    entry = merged([event(1, "SomethingNew", {"n": 3, "deep": {"x": 1}, "word": "w"})], [])[0]
    assert (entry.what, entry.about) == ("n 3, word w", "a/x")
