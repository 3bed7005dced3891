"""The first lines: a curl that a shell understands, and what is missing."""

import json
import shlex
from pathlib import Path

from interlock_domain.catalog.config import Config
from interlock_domain.catalog.target import Target
from interlock_quickstart.banner import Started, banner, curl, model_to_try, where


def started(**given: object) -> Started:
    fields: dict[str, object] = {
        "gateway_url": "http://127.0.0.1:8080",
        "control_url": "http://127.0.0.1:8081",
        "data_dir": Path(".interlock"),
        "config": Config(),
        "source": "interlock.yaml applied as revision 1",
        "demo": False,
    }
    return Started(**{**fields, **given})  # type: ignore[arg-type]


def test_a_pasted_curl_sends_the_json_it_shows() -> None:
    words = shlex.split(curl("http://127.0.0.1:8080", "chat"))
    assert words[1] == "http://127.0.0.1:8080/v1/chat/completions"
    assert json.loads(words[-1])["model"] == "chat"


def test_given_no_pool_then_an_exact_target_is_tried_and_without_any_nothing() -> None:
    target = Target(id="local/one", provider="local", model="one")
    assert model_to_try(Config(targets=(target,))) == "local/one"
    assert not any("curl" in line for line in banner(started()))


def test_given_missing_secrets_and_drift_then_each_has_a_line() -> None:
    lines = list(banner(started(missing={"openai": "set X"}, drift="the journal wins")))
    assert sum("openai: set X" in line for line in lines) == 1
    assert sum("drift" in line for line in lines) == 1


def test_given_another_data_folder_then_the_command_names_it() -> None:
    assert where(Path(".interlock")) == ""
    lines = "\n".join(banner(started(data_dir=Path("/var/x"))))
    assert "interlock explain last --data-dir /var/x" in lines
