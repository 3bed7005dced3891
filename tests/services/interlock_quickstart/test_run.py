"""The life of a quickstart through the real command: start, demo, stop, restart, refusals."""

import re
import shlex
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.services.interlock_quickstart.process import Quick, get, plain_environment, post, wait_for

pytestmark = pytest.mark.timeout(240)  # several processes, one after another

Begin = Callable[..., Quick]
SOON_S = 8.0
"""Two seconds by the rule, on a machine that does much else; who waits for a request waits for minutes."""

UPSTREAM = """
providers:
  local: {{base_url: "http://127.0.0.1:{port}/v1", api_key: {key}}}
pools:
  chat: [local/one]
"""
BODY = b'{"model":"chat","messages":[{"role":"user","content":"hi"}]}'
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Begin]:
    """Makes quickstarts of one folder; all have ended when the test has."""
    made: list[Quick] = []

    def make(*options: str, **environment: str) -> Quick:
        made.append(Quick(tmp_path, *options, environment=plain_environment(**environment)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_given_no_file_when_started_then_the_demo_shows_failover_cooldown_and_recovery(quick: Begin) -> None:
    demo = quick().start()
    assert get(demo.urls["gateway"] + "/readyz") == {"status": "ready"}
    assert get(demo.urls["control"] + "/readyz")["status"] == "ready"
    demo.line(r"atlas/large .*server_error.* cooled \d")
    demo.line(r"req \w{6} .*atlas/large -> breeze/large .*the client saw nothing")
    demo.line(r"atlas/large .*half-open")
    demo.line(r"atlas/large .*recovered .*ramp 10% -> 100%")
    demo.line(r"interlock explain [0-9a-f]{6}")
    assert "cooldown.initial 3s, probe_interval 1s, ramp 3s; the defaults are 15s, 5s, 30s" in demo.output
    code, seconds = demo.stop()
    assert (code, "Traceback" in demo.output) == (0, False)
    assert seconds < SOON_S


def test_given_the_demo_when_its_curl_is_pasted_then_it_answers(quick: Begin) -> None:
    demo = quick().start()
    words = shlex.split(demo.line("curl ").partition("try it")[2])
    status, body, headers = post(words[1], words[words.index("-d") + 1])
    assert (status, body["object"]) == (200, "chat.completion")
    assert headers["x-interlock-target"] in {"atlas/large", "breeze/large", "cirrus/large"}


def test_given_a_running_one_when_another_starts_in_its_folder_then_it_names_the_pid(quick: Begin) -> None:
    first = quick().start()
    second = Quick(first.folder / "elsewhere", "--data-dir", str(first.data_dir))
    second.folder.mkdir()
    assert second.begin().ended() == 1
    assert f"process {first.process.pid}" in second.output
    assert "Traceback" not in second.output
    assert get(first.urls["gateway"] + "/healthz") == {"status": "ok"}


def test_given_a_port_in_use_when_started_then_one_sentence_says_so(quick: Begin) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = quick("--control-port", str(port))
        assert refused.begin().ended() == 1
    assert refused.output == (
        f"port {port} is in use by another program: stop it, or choose another with --control-port\n"
    )


def test_given_operator_state_when_killed_and_restarted_then_it_is_still_there(quick: Begin) -> None:
    first = quick().start()
    control = first.urls["control"] + "/admin/v1"
    ports = [provider["base_url"] for provider in get(control + "/providers")]
    _put(control + "/providers/cirrus/state", '{"state":"drained","reason":"kept"}')
    first.process.kill()
    first.process.wait()
    again = quick().start()
    providers = get(again.urls["control"] + "/admin/v1/providers")
    assert [one["state"] for one in providers] == ["enabled", "enabled", "drained"]
    assert [one["base_url"] for one in providers] == ports
    applied = get(again.urls["control"] + "/admin/v1/events?type=ConfigApplied")["events"]
    assert len(applied) == 1
    assert again.stop(signal.SIGTERM)[0] == 0


def test_given_the_demo_when_a_file_comes_then_it_replaces_the_demo_once(quick: Begin) -> None:
    quick().start().stop()
    first = quick()
    (first.folder / "interlock.yaml").write_text(UPSTREAM.format(port=9, key="none"))
    assert "interlock.yaml applied as revision 2" in first.start().output
    first.stop()
    second = quick().start()
    assert "interlock.yaml (revision 2, unchanged)" in second.output
    (first.folder / "interlock.yaml").unlink()
    second.stop()
    third = quick().start()
    assert "revision 2 of the journal" in third.output
    pools = get(third.urls["control"] + "/admin/v1/pools")
    assert [member["target"] for member in pools[0]["members"]] == ["local/one"]


def test_given_a_newer_revision_by_the_api_when_the_file_is_unchanged_then_drift_is_told(
    quick: Begin,
) -> None:
    first = quick()
    (first.folder / "interlock.yaml").write_text(UPSTREAM.format(port=9, key="none"))
    first.start()
    newer = '{"providers":{"local":{"base_url":"http://127.0.0.1:8/v1"}},"pools":{"chat":["local/two"]}}'
    _send("POST", first.urls["control"] + "/admin/v1/config/apply", newer, {"if-match": '"1"'})
    first.stop()
    second = quick().start()
    assert re.search(r"drift .*revision 2 came by api since: the journal wins", second.output)
    pools = get(second.urls["control"] + "/admin/v1/pools")
    assert [member["target"] for member in pools[0]["members"]] == ["local/two"]


def test_given_a_file_that_removes_most_targets_when_started_then_a_flag_is_asked_for(quick: Begin) -> None:
    many = ", ".join(f"local/{number}" for number in range(8))
    first = quick()
    file = first.folder / "interlock.yaml"
    file.write_text(UPSTREAM.format(port=9, key="none").replace("local/one", many))
    first.start().stop()
    file.write_text(UPSTREAM.format(port=9, key="none"))
    refused = quick()
    assert refused.begin().ended() == 1
    assert "this removes 8 of 8 targets" in refused.output
    assert "run it with --allow-removal" in refused.output
    assert "applied as revision 2" in quick("--allow-removal").start().output


def test_given_a_file_with_mistakes_when_started_then_every_one_is_told_and_nothing_runs(
    quick: Begin,
) -> None:
    refused = quick()
    (refused.folder / "interlock.yaml").write_text("pools:\n  chat: {stratgy: x, members: []}\n")
    assert refused.begin().ended() == 1
    assert "interlock.yaml:2:10: unknown key `stratgy`" in refused.output
    assert not refused.data_dir.exists()


def test_given_a_missing_secret_when_started_then_its_provider_is_named_and_the_rest_runs(
    quick: Begin,
) -> None:
    first = quick()
    (first.folder / "interlock.yaml").write_text(
        "providers:\n"
        "  keyless: {base_url: 'http://127.0.0.1:9/v1', api_key: none}\n"
        "  keyed: {base_url: 'http://127.0.0.1:9/v1', api_key: env:SOME_KEY}\n"
    )
    first.start()
    assert re.search(r"missing +keyed: .*SOME_KEY", first.output)
    first.stop()
    second = quick(SOME_KEY="sk-of-the-test").start()
    assert "missing" not in second.output
    reports = second.urls["control"] + "/admin/v1/events?type=GatewayReported&newest=true&limit=1"
    found = wait_for(lambda: get(reports)["events"][0]["data"].get("fingerprints"), "a fingerprint")
    assert re.fullmatch(r"[0-9a-f]{16}", found["keyed"])
    second.stop()
    assert b"sk-of-the-test" not in (second.data_dir / "interlock.db").read_bytes()


def test_given_no_provider_that_can_be_called_when_started_then_it_says_what_to_set(quick: Begin) -> None:
    refused = quick()
    (refused.folder / "interlock.yaml").write_text(UPSTREAM.format(port=9, key="env:SOME_KEY"))
    assert refused.begin().ended() == 1
    assert "no provider can be called" in refused.output
    assert "set the environment variable SOME_KEY" in refused.output


def test_given_a_request_that_hangs_when_stopped_twice_then_it_ends_at_once_with_130(quick: Begin) -> None:
    one = quick()
    with _hanging_request(one) as asked:
        # Two signals of one kind that a busy process has not heard yet are one.
        one.process.send_signal(signal.SIGTERM)
        code, _ = one.stop()
        told = _rest(asked)
    assert (code, told) == (130, b"")


def test_given_a_request_that_hangs_when_stopped_then_it_is_answered_and_all_is_over_soon(
    quick: Begin,
) -> None:
    one = quick()
    with _hanging_request(one) as asked:
        code, seconds = one.stop()
        answer = _rest(asked)
    assert answer.startswith(b"HTTP/1.1 503")
    assert code == 0
    assert seconds < SOON_S
    assert "Traceback" not in one.output


@contextmanager
def _hanging_request(one: Quick) -> Iterator[socket.socket]:
    """A client's connection whose request has reached an upstream that never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(30)
        (one.folder / "interlock.yaml").write_text(UPSTREAM.format(port=silent.getsockname()[1], key="none"))
        one.start()
        port = int(one.urls["gateway"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as asked:
            asked.sendall(REQUEST)
            upstream, _ = silent.accept()
            with upstream:
                yield asked


def _rest(asked: socket.socket) -> bytes:
    """Everything that the client is told until its connection is closed."""
    told = b""
    with suppress(ConnectionResetError):
        while piece := asked.recv(65_536):
            told += piece
    return told


def _put(url: str, body: str) -> None:
    _send("PUT", url, body, {})


def _send(method: str, url: str, body: str, headers: dict[str, str]) -> None:
    import urllib.request

    given = {"content-type": "application/json", **headers}
    request = urllib.request.Request(url, body.encode(), given, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
