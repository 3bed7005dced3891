"""POST over HTTP: redirects are answers, silence is none, and no address stands in an error."""

import pytest

from interlock_reactors.delivery import Answered, Unanswered
from interlock_reactors.posting import HttpPoster
from interlock_testing.waiting import free_port
from tests.services.interlock_reactors.hook import hook


async def test_a_redirect_is_an_answer_and_nobody_else_is_asked():
    async with hook() as elsewhere, hook(f"307 Elsewhere\r\nlocation: {elsewhere.url}") as here:
        poster = HttpPoster()
        try:
            assert await poster.post(here.url, b"{}", {"webhook-id": "1"}) == Answered(status=307)
        finally:
            await poster.close()
        assert (len(here.heard), len(elsewhere.heard)) == (1, 0)


async def test_a_stated_wait_is_read():
    async with hook("429 Later\r\nretry-after: 7") as here:
        poster = HttpPoster()
        try:
            assert await poster.post(here.url, b"{}", {"webhook-id": "1"}) == Answered(
                status=429, retry_after_s=7.0
            )
        finally:
            await poster.close()


async def test_a_silent_receiver_and_a_closed_port_are_no_answer_and_are_not_named():
    async with hook() as silent:
        silent.speaks.clear()
        poster = HttpPoster(timeout_s=0.3)
        try:
            for url in (
                silent.url,
                f"http://127.0.0.1:{free_port()}/secret-path",
                "http://[oops/secret-path",
            ):
                with pytest.raises(Unanswered) as told:
                    await poster.post(url, b"{}", {"webhook-id": "1"})
                assert "127.0.0.1" not in str(told.value)
                assert "secret-path" not in str(told.value)
        finally:
            await poster.close()
