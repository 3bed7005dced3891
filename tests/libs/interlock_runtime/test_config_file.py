"""Mistakes in interlock.yaml, each told with its exact line and column.

In the texts below ¤ marks the spot that the problem must name.
"""

from pathlib import Path

import msgspec
import pytest

from interlock_domain.catalog.config import Config
from interlock_domain.catalog.pool import Member
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_runtime.config_file import MAX_BYTES, LoadedConfig, Problem, load_config, load_text

DATA = Path(__file__).parents[2] / "data/config"
LOCAL = "providers: {local: {base_url: http://h/v1}}\n"
HASH = "a" * 64


def spot_of(text: str) -> tuple[str, int, int]:
    """The text without its mark, and the line and column of the mark."""
    before, _, after = text.partition("¤")
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


def problem_of(marked: str) -> str:
    """What is told, after checking that there is one problem and that it stands at the mark."""
    text, line, column = spot_of(marked)
    problems = load_text(text)
    assert isinstance(problems, tuple)
    (problem,) = problems
    start = f"interlock.yaml:{line}:{column}: "
    assert str(problem).startswith(start)
    return str(problem).removeprefix(start)


def test_the_message_of_the_manual() -> None:
    text = f"{LOCAL}pools:\n  chat:\n    ¤stratgy: weighted_random\n    members: [local/a]\n"
    told = "unknown key `stratgy` in pool `chat`. Did you mean `strategy`?"
    assert problem_of(text) == f"{told}  (interlock validate --explain pools)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # unknown keys: at the key
        ("¤polcy: {}", "unknown key `polcy` in the configuration. Did you mean `policy`?"),
        ("policy:\n  ¤atempts: {}", "unknown key `atempts` in `policy`. Did you mean `attempts`?"),
        (
            "policy:\n  attempts: {backoff: {¤intial: 1s}}",
            "unknown key `intial` in `policy.attempts.backoff`.",
        ),
        (
            "providers:\n  openai:\n    ¤base: x",
            "unknown key `base` in provider `openai`. Did you mean `base_url`?",
        ),
        (
            "keys:\n  - name: a\n    ¤sha: x\n    sha256: '" + HASH + "'",
            "unknown key `sha` in key 1. Did you mean",
        ),
        ("server:\n  ¤3: x", "unknown key `3` in `server`. Known here: max_body,"),
        # secrets: at the value, never repeated
        (
            "providers: {openai: {api_key: ¤sk-1}}",
            "`api_key` of provider `openai` wants a reference, not the secret.",
        ),
        (
            "providers: {openai: {headers: {X-Token: ¤abc}}}",
            "`headers.X-Token` of provider `openai` wants a reference",
        ),
        ("providers: {openai: {query: {key: ¤abc}}}", "`query.key` of provider `openai` looks like a secret"),
        ("providers: {x: {base_url: ¤http://u:p@h}}", "`base_url` of provider `x` holds user or password."),
        ("keys: [{name: a, sha256: ¤raw}]", "`sha256` of key 1 wants 64 hex digits"),
        # references to what does not exist: at the name
        (
            LOCAL + "pools: {p: [local/a, ¤openai/x]}",
            "`openai/x` names the unknown provider `openai`. Add `openai:",
        ),
        (
            LOCAL + "pools:\n  p:\n    members:\n      - {target: ¤locl/a}",
            "`locl/a` names the unknown provider `locl`.",
        ),
        (LOCAL + "targets:\n  ¤x/a: {}", "`x/a` names the unknown provider `x`. Declare `x` in `providers`."),
        (
            "keys: [{name: a, sha256: '" + HASH + "', pools: [¤p]}]",
            "`pools.1` of key 1: `p` is not declared.",
        ),
        # repetitions
        (
            LOCAL + "¤providers: {}",
            "duplicate key `providers`: it is already in line 1. Remove one of the two.",
        ),
        (
            "policy:\n  hedge: {}\n  queue: {}\n  ¤hedge: {}",
            "duplicate key `hedge`: it is already in line 2.",
        ),
        (LOCAL + "pools: {p: [local/a, ¤local/a]}", "target `local/a` is there twice in pool `p`."),
        (LOCAL + "pools: {p: [local/a], ¤p: [local/b]}", "duplicate key `p`: it is already in line 2."),
        (
            f"keys:\n  - {{name: a, sha256: '{HASH}'}}\n  - ¤{{name: a, sha256: '{HASH}'}}",
            "key `a` is there twice in `keys`.",
        ),
        # values
        (
            "policy: {retry_on: [500, ¤42]}",
            "`policy.retry_on.2` wants a whole number from 100 to 599, not `42`",
        ),
        ("policy: {retry_on: [¤600]}", "`policy.retry_on.1` wants a whole number from 100 to 599, not `600`"),
        ("policy: {attempts: {deadline: ¤5}}", "`policy.attempts.deadline` wants a duration, not `5`."),
        ("policy: {attempts: {deadline: ¤5sec}}", "`policy.attempts.deadline` wants a duration, not `5sec`."),
        (
            "policy: {attempts: {deadline: ¤0s}}",
            "`policy.attempts.deadline` wants a duration above 0s, not `0s`",
        ),
        (
            "policy: {attempts: {max_targets: ¤-1}}",
            "`policy.attempts.max_targets` wants a whole number from 1 to 100",
        ),
        ("server: {max_body: ¤32MB}", "`server.max_body` wants a size, not `32MB`."),
        ("server: ¤[]", "`server` wants a block of keys, not a list"),
        (
            "policy: {affinity: {enabled: ¤yes}}",
            "`policy.affinity.enabled` wants `true` or `false`, not `yes`",
        ),
        ("policy:\n  ¤cooldown: {initial: 10m}", "`initial` must not exceed `max` in `policy.cooldown`."),
        (
            LOCAL + "targets: {local/a: {software_version: ¤1.10}}",
            "`software_version` of target `local/a` wants text",
        ),
        (
            "providers: {x: {base_url: ¤ftp://h}}",
            "`base_url` of provider `x` wants an http:// or https:// address.",
        ),
        ("providers: {¤x: {}}", "provider `x` has no `base_url`. Add `base_url`;"),
        ("providers:\n  ¤x:\npools:", "provider `x` has no `base_url`."),
        # pools and names
        (LOCAL + "pools: {¤p: []}", "pool `p` has no members. Name at least one `provider/model`."),
        (LOCAL + "pools:\n  ¤p: {members: []}", "pool `p` has no members."),
        (LOCAL + "pools: {¤local/a: [local/a]}", "`local/a` cannot be the name of a pool."),
        (LOCAL + "pools: {¤two words: [local/a]}", "`two words` cannot be the name of a pool."),
        (LOCAL + "pools: {¤'': [local/a]}", "`` cannot be the name of a pool."),
        (LOCAL + "pools: {p: [¤llama]}", "`llama` is no target. Write `provider/model`, without spaces."),
        # the wrong place
        (
            LOCAL + "pools: {p: {members: [local/a], policy: {¤cooldown: {}}}}",
            "`cooldown` has no effect in `policy` of pool `p`. Move it to `policy.cooldown` or",
        ),
        (
            LOCAL + "targets: {local/a: {policy: {¤attempts: {}}}}",
            "`attempts` has no effect in `policy` of target `local/a`. Move it to `policy.attempts` or",
        ),
        # not in this version
        (
            LOCAL + "pools: {p: {strategy: ¤thompson, members: [local/a]}}",
            "`strategy` of pool `p`: `thompson` is not in this version.",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(text: str, told: str) -> None:
    assert problem_of(text).startswith(told)


def test_all_problems_are_told_in_file_order() -> None:
    problems = load_text("keys: [{}]\npolicy: {x: 1}\nproviders: {y: {}}\npools: {z: []}\n")
    assert isinstance(problems, tuple)
    assert [problem.line for problem in problems] == [1, 1, 2, 3, 4]


def test_the_whole_example_of_the_manual_is_accepted_and_says_the_defaults() -> None:
    """Everything spelled out equals the same file with every default left out."""
    full = load_config(DATA / "full.yaml")
    sparse = load_text(
        f"""
providers:
  openai: {{api_key: env:OPENAI_API_KEY}}
  local: {{base_url: http://127.0.0.1:9001/v1, labels: {{region: eu}}}}
targets:
  local/llama: {{capabilities: [tools, vision, json_schema]}}
pools:
  chat: [local/llama, openai/gpt-5-mini]
keys: [{{name: team-a, sha256: "{HASH}", pools: [chat]}}]
admins: [{{name: alice, role: operator, sha256: "{"b" * 64}"}}]
alerts:
  - url: "https://example.org/hook"
    secret: env:HOOK
    on: [cooldown, quarantine, freeze, dead_letter, stale]
"""
    )
    assert isinstance(full, LoadedConfig)
    assert isinstance(sparse, LoadedConfig)
    assert full.config == sparse.config
    assert msgspec.convert(msgspec.to_builtins(full.config), Config) == full.config
    assert full.digest != sparse.digest
    assert (full.config.policy, full.config.server, full.config.retention) == (
        Config().policy,
        Config().server,
        Config().retention,
    )
    assert full.config.providers[1] == Provider(
        name="local", base_url="http://127.0.0.1:9001/v1", labels={"region": "eu"}
    )
    assert full.config.targets == (
        Target(
            id="local/llama", provider="local", model="llama", capabilities=("tools", "vision", "json_schema")
        ),
        Target(id="openai/gpt-5-mini", provider="openai", model="gpt-5-mini"),
    )
    assert full.config.pools[0].members == (
        Member(target="local/llama", priority=1),
        Member(target="openai/gpt-5-mini", priority=2),
    )


def test_the_small_example_of_the_manual_is_accepted() -> None:
    small = load_config(str(DATA / "small.yaml"))
    assert isinstance(small, LoadedConfig)
    assert [pool.name for pool in small.config.pools] == ["fast"]


def test_comments_and_order_do_not_change_the_digest() -> None:
    one = load_text("policy: {queue: {}, hedge: {}}\nserver: {drain: 1s} # one\n")
    other = load_text("# other\nserver:\n  drain: '1s'\npolicy:\n  hedge: {}\n  queue: {}\n")
    assert isinstance(one, LoadedConfig)
    assert isinstance(other, LoadedConfig)
    assert one.digest == other.digest


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}"])
def test_an_empty_file_is_an_empty_configuration(text: str) -> None:
    loaded = load_text(text)
    assert isinstance(loaded, LoadedConfig)
    assert loaded.config == Config()


def test_a_file_that_is_not_there_is_a_problem_that_says_where_it_was_sought(tmp_path: Path) -> None:
    path = tmp_path / "interlock.yaml"
    told = f"cannot be read: no such file or directory. Looked at {path}; name another by --config."
    assert [str(problem) for problem in _problems(path)] == [f"interlock.yaml: {told}"]


def test_a_file_that_is_no_utf8_is_told_with_the_spot(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_bytes(b"# fine\npools: \xff\n")
    assert [str(problem) for problem in _problems(path)] == [
        "i.yaml:2:8: this is no UTF-8 text. Save the file as UTF-8."
    ]


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_bytes(b"\xef\xbb\xbfpolicy: {}\n")
    assert isinstance(load_config(path), LoadedConfig)


def test_a_huge_file_is_not_read_as_configuration(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert str(_problems(path)[0]).startswith("i.yaml: is larger than 8388608 bytes.")


def _problems(path: Path) -> tuple[Problem, ...]:
    problems = load_config(path)
    assert isinstance(problems, tuple)
    return problems
