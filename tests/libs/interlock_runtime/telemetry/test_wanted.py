"""Which OTEL_ variables make a process export, and which sentence tells that it cannot."""

import pytest

from interlock_runtime.telemetry.wanted import NotExported, Wanted, wanted

HERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_RESOURCE_ATTRIBUTES": "a=b"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, Wanted(traces=True, metrics=True)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, Wanted(traces=True, metrics=False)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": HERE}, Wanted(traces=False, metrics=True)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, Wanted(traces=True, metrics=False)),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_METRICS_EXPORTER": "none"},
            Wanted(traces=True, metrics=False),
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": HERE,
                "OTEL_TRACES_EXPORTER": "none",
                "OTEL_METRICS_EXPORTER": "None",
            },
            None,
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_SDK_DISABLED": "TRUE"}, None),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            Wanted(traces=True, metrics=True),
        ),
    ],
)
def test_an_exporter_or_its_address_is_what_makes_a_process_export(environ, found):
    assert wanted(environ) == found


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ],
)
def test_what_we_cannot_do_is_one_sentence_that_names_the_variable(more, named):
    found = wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE} | more)
    assert isinstance(found, NotExported)
    assert found.sentence.startswith(f"{named} ")
    assert "set it to" in found.sentence


def test_a_protocol_of_a_signal_that_is_off_is_no_matter():
    environ = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}
    assert wanted(environ) == Wanted(traces=True, metrics=False)
