"""The account of a request as lines: the answer first, then the evidence."""

from typing import Any

from interlock_cli.verbs.explain import account

CANDIDATE = {
    "rank": 1,
    "state": "eligible",
    "reasons": [],
    "text": "",
    "priority": 1,
    "weight": 1,
    "position": None,
    "by": None,
    "remark": None,
}
ATTEMPT = {
    "target": "atlas/large",
    "outcome": "failed",
    "started_ms": 0,
    "ended_ms": 120,
    "ttft_ms": None,
    "redirect": None,
    "text": "disconnect in headers",
}


def found(**given: Any) -> dict[str, Any]:
    passed = {
        **CANDIDATE,
        "target": "cirrus/large",
        "rank": None,
        "state": "soft_excluded",
        "reasons": ["cooldown_stated"],
        "text": "cooldown stated by upstream 21 s more (rate_limit)",
        "position": 48102,
    }
    disabled = {
        **passed,
        "target": "delta/large",
        "state": "hard_excluded",
        "reasons": ["target_disabled"],
        "text": "disabled",
        "position": None,
        "by": "alice",
        "remark": "billing",
    }
    served = {
        **ATTEMPT,
        "target": "breeze/large",
        "outcome": "succeeded",
        "started_ms": 122,
        "ended_ms": 412,
        "ttft_ms": 90,
        "redirect": "breeze-large-v2",
        "text": "succeeded",
    }
    fields: dict[str, Any] = {
        "request_id": "7f3a9c0011223344",
        "answer": "answered by breeze/large after 1 failover, 412 ms to first content",
        "result": "answered",
        "pool": "chat",
        "stream": True,
        "started_ms": 0,
        "duration_ms": 412,
        "reason": None,
        "snapshot": "g1:48211",
        "decision": {
            "strategy": "priority_failover",
            "seed": 91,
            "candidates": [
                {**CANDIDATE, "target": "atlas/large"},
                {**CANDIDATE, "target": "breeze/large", "rank": 2, "priority": 2, "weight": 3},
                passed,
                disabled,
            ],
        },
        "attempts": [ATTEMPT, served],
        "skips": [],
        "usage": {"prompt_tokens": 8, "completion_tokens": 318},
        "proof": {"verdict": "equal", "engine": "3"},
    }
    return {**fields, **given}


def test_the_headline_is_the_answer() -> None:
    first = next(iter(account(found())))
    assert first.startswith("7f3a9c  chat  streamed  ")
    assert first.endswith("   ANSWERED by breeze/large after 1 failover, 412 ms to first content")


def test_each_candidate_has_its_reason_its_evidence_and_who_decided() -> None:
    lines = list(account(found()))
    assert "  1 atlas/large   eligible     priority 1" in lines
    assert "  2 breeze/large  eligible     priority 2, weight 3" in lines
    stated = "cooldown_stated: cooldown stated by upstream 21 s more (rate_limit)  (event 48102)"
    assert f"  - cirrus/large  passed over  {stated}" in lines
    assert '  - delta/large   passed over  target_disabled: disabled  by alice ("billing")' in lines


def test_bars_share_one_scale_and_words_say_the_same() -> None:
    lines = [line for line in account(found()) if "#" in line]
    assert lines[0].split() == [
        "atlas/large",
        "#####x",
        *["0", "-", "120", "ms", "disconnect", "in", "headers"],
    ]
    told = "122 - 412 ms succeeded, first content after 90 ms, 318 tokens, sent as breeze-large-v2"
    assert " ".join(lines[1].split()) == f"breeze/large ###############> {told}"
    assert lines[1].index("#") == lines[0].index("x")


def test_given_no_attempt_then_the_reason_stands_there() -> None:
    refused = found(
        result="no_target", answer="no target was eligible, 1 ms", attempts=[], reason="no_target", skips=[]
    )
    lines = list(account(refused))
    assert lines[0].endswith("NO TARGET: no target was eligible, 1 ms")
    assert "  no attempt was made: no_target" in lines
    assert lines[-1].startswith("proof  recomputed from the log: equal (engine 3)")
    assert "next: interlock history chat --around" in lines[-1]


def test_given_a_candidate_that_was_not_called_then_the_skip_says_why() -> None:
    assert "  cirrus/large  not called: max_targets" in list(
        account(found(skips=[{"target": "cirrus/large", "reason": "max_targets"}]))
    )


def test_a_proof_that_differs_is_not_overlooked() -> None:
    assert "DIFFERS" in list(account(found(proof={"verdict": "differs", "engine": "3"})))[-1]
