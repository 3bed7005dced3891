"""What a process loads and says: each case in an interpreter of its own, because imports are for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BUILT = """
import asyncio, logging, sys
logging.basicConfig(format="%(message)s")
if "hidden" in sys.argv:
    sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.exporter"] = None
for name in ("gateway.serve", "gateway.worker", "projector.serve"):
    __import__(f"interlock_{name}")
from interlock_gateway.bootstrap import cluster_gateway
from interlock_gateway.settings import Order, variables
from interlock_runtime.settings import runtime_settings

async def main():
    given = {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "DATA_DIR": sys.argv[1]}
    settings = runtime_settings({f"INTERLOCK_{name}": value for name, value in given.items()})
    built = cluster_gateway(Order(settings=settings, host="127.0.0.1", port=0), variables())
    print("traced" if built.service.gateway.traces is not None else "untraced")
    if built.service.gateway.traces is not None:
        await built.service.gateway.traces.close()

asyncio.run(main())
print(sorted(name for name, module in sys.modules.items() if name.startswith("opentelemetry") and module)[:3])
"""
HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "none"}


def built(folder: Path, environ: dict[str, str], *words: str) -> tuple[list[str], str]:
    """What a process printed that built a gateway, and what it said."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", BUILT, str(folder), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain | environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def test_without_an_exporter_nothing_of_opentelemetry_is_loaded(tmp_path):
    assert built(tmp_path, {}) == (["untraced", "[]"], "")


def test_with_an_exporter_the_gateway_traces(tmp_path):
    (traced, loaded), said = built(tmp_path, HERE)
    assert (traced, said) == ("traced", "")
    assert loaded != "[]"


def test_without_the_packages_one_sentence_says_what_to_install(tmp_path):
    out, said = built(tmp_path, HERE, "hidden")
    assert out[0] == "untraced"
    assert said.count("\n") == 1
    assert "pip install 'interlock[otel]'" in said


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is not http/protobuf"),
        (
            {"OTEL_BSP_SCHEDULE_DELAY": "-1"},
            "an OTEL_ variable cannot be used, so nothing is exported: sched",
        ),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, None),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_the_gateway_starts(tmp_path, more, sentence):
    out, said = built(tmp_path, HERE | more)
    assert "Traceback" not in said
    if sentence is None:
        assert out[0] == "traced"
    else:
        assert (out[0], said.count("\n")) == ("untraced", 1)
        assert sentence in said
