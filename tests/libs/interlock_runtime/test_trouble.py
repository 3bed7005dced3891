"""An outage is two lines in the log, and one more each minute."""

import logging

from interlock_runtime.trouble import AGAIN_S, Trouble


def test_given_many_tries_then_the_begin_and_the_end_are_said_once(caplog):
    now = 100.0
    trouble = Trouble(logging.getLogger("interlock.test"), "sending", monotonic=lambda: now)
    trouble.is_over()
    for _ in range(10):
        trouble.is_on("no broker: start it.")
        now += 0.5
    trouble.is_over()
    trouble.is_over()
    assert [record.getMessage() for record in caplog.records] == [
        "sending: no broker: start it; trying again until it works",
        "sending: works again after 5.0 s",
    ]


def test_given_an_outage_that_stays_then_it_is_said_again_each_minute(caplog):
    now = 0.0
    trouble = Trouble(logging.getLogger("interlock.test"), "sending", monotonic=lambda: now)
    for second in range(int(2.5 * AGAIN_S)):
        now = float(second)
        trouble.is_on("no broker")
    assert len(caplog.records) == 3
