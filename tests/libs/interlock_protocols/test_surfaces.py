"""The surfaces as a table: every path once, and the form of errors that goes with any path."""

import pytest

from interlock_protocols.surfaces import ANTHROPIC_ERRORS, OPENAI_ERRORS, SURFACES, errors_of

VERSION = [(b"host", b"g"), (b"anthropic-version", b"2023-06-01")]


def test_every_path_stands_there_once():
    paths = [surface.path for surface in SURFACES]
    assert len(set(paths)) == len(paths) == 6


@pytest.mark.parametrize("surface", SURFACES, ids=[surface.path for surface in SURFACES])
@pytest.mark.parametrize("headers", [[], VERSION], ids=["plain", "with a version"])
def test_a_path_that_is_served_has_the_errors_of_its_surface_whoever_asks(surface, headers):
    assert errors_of(surface.path, headers).body is surface.error_body
    assert errors_of(surface.path, headers).key_words is surface.key_words


def test_attempts_on_every_path_are_evidence_but_for_the_count_of_tokens():
    assert [surface.path for surface in SURFACES if not surface.evidence] == ["/v1/messages/count_tokens"]


@pytest.mark.parametrize(
    ("path", "headers", "form"),
    [
        ("/v1/messages/batches", [], ANTHROPIC_ERRORS),
        ("/v1/messages/", [], ANTHROPIC_ERRORS),
        ("/v1/messagesx", [], OPENAI_ERRORS),
        ("/v1/models", [], OPENAI_ERRORS),
        ("/v1/models", VERSION, ANTHROPIC_ERRORS),
        ("/v1/files", VERSION, ANTHROPIC_ERRORS),
        ("", [], OPENAI_ERRORS),
    ],
)
def test_any_other_path_has_the_form_that_its_caller_reads(path, headers, form):
    assert errors_of(path, headers) is form
