"""The header by which a trace goes on: what is read, what is refused, and the way back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock_runtime.telemetry.traceparent import Place, read_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PLACES = st.builds(Place, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())


@given(PLACES)
def test_a_place_that_was_written_is_read_again(place):
    assert read_traceparent(place.header()) == place


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*"))
@example("００-" + TRACE + "-" + SPAN + "-01")
def test_any_text_is_a_place_or_none(text):
    found = read_traceparent(text)
    assert found is None or (found.trace > 0 and found.span > 0 and len(found.header()) == 55)


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-ff", True),
        (f"cc-{TRACE}-{SPAN}-01-what-a-later-version-says", True),
    ],
)
def test_the_flag_tells_whether_the_trace_is_kept(text, sampled):
    assert read_traceparent(text) == Place(int(TRACE, 16), int(SPAN, 16), sampled)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_what_the_recommendation_forbids_is_none(text):
    assert read_traceparent(text) is None
