"""The contract of the port, against servers people really run."""

import asyncio
from collections.abc import Iterator

import pytest

from interlock_upstream import HttpClient, UpstreamClient, UpstreamResponse
from tests.libs.interlock_upstream.servers import BIG, TEXT, nginx, uvicorn_server
from tests.libs.interlock_upstream.support import IDLE_S, PATIENT, fetch, pieces_of, request, until


class UpstreamContract:
    """What holds against any server; a subclass supplies the two fixtures."""

    async def test_a_body_of_known_length(self, client: HttpClient, server: str) -> None:
        response, body = await fetch(client, request(server, b"/text"))
        assert (response.status, body) == (200, TEXT)
        assert response.header(b"content-length") == b"600"
        assert all(name == name.lower() for name, _ in response.headers)
        assert response.header(b"x-missing") is None

    async def test_a_chunked_stream_arrives_whole(self, client: HttpClient, server: str) -> None:
        response = await client.send(request(server, b"/stream", method=b"GET"), PATIENT)
        assert response.header(b"transfer-encoding") == b"chunked"
        assert b"".join(await pieces_of(response)) == TEXT
        assert response.complete
        response.release()
        assert client.stats().idle == 1

    async def test_a_big_body_is_read_through_pauses(self, client: HttpClient, server: str) -> None:
        _, body = await fetch(client, request(server, b"/big", method=b"GET"))
        assert body == BIG

    async def test_a_big_request_is_written_whole(self, client: HttpClient, server: str) -> None:
        response, body = await fetch(client, request(server, b"/upload", body=BIG))
        assert (response.status, body) == (200, b"taken")

    async def test_a_connection_is_reused(self, client: HttpClient, server: str) -> None:
        for path in (b"/text", b"/empty", b"/text", b"/moved", b"/stream", b"/upload"):
            await fetch(client, request(server, path, method=b"GET"))
            assert (client.stats().open, client.stats().idle) == (1, 1)

    async def test_no_content_has_no_body(self, client: HttpClient, server: str) -> None:
        response, body = await fetch(client, request(server, b"/empty"))
        assert (response.status, body) == (204, b"")

    async def test_the_answer_to_head_has_no_body(self, client: HttpClient, server: str) -> None:
        for _ in range(2):
            response, body = await fetch(client, request(server, b"/text", method=b"HEAD"))
            assert (response.status, response.header(b"content-length"), body) == (200, b"600", b"")
        _, body = await fetch(client, request(server, b"/text"))
        assert body == TEXT
        assert client.stats().open == 1

    async def test_a_redirect_is_passed_on(self, client: HttpClient, server: str) -> None:
        response, _ = await fetch(client, request(server, b"/moved", method=b"GET"))
        assert response.status == 302
        assert (response.header(b"location") or b"").endswith(b"/text")

    async def test_a_connection_the_server_ends_is_not_kept(self, client: HttpClient, server: str) -> None:
        _, body = await fetch(client, request(server, b"/close", method=b"GET"))
        assert body == b"bye"
        await until(lambda: client.stats().open == 0)

    async def test_gzip_is_undone(self, client: HttpClient, server: str) -> None:
        asked = request(server, b"/gzip", method=b"GET", headers=((b"Accept-Encoding", b"gzip"),))
        response, body = await fetch(client, asked)
        assert body == TEXT
        assert response.header(b"content-encoding") is None
        assert client.stats().idle == 1

    async def test_many_at_once_use_a_connection_each(self, client: HttpClient, server: str) -> None:
        answers = await asyncio.gather(*(fetch(client, request(server, b"/text")) for _ in range(40)))
        assert {body for _, body in answers} == {TEXT}
        assert client.stats().open == client.stats().idle <= 40

    async def test_an_idle_connection_closed_by_the_server_leaves_the_pool(
        self, client: HttpClient, impatient_server: str
    ) -> None:
        await fetch(client, request(impatient_server, b"/text"))
        assert client.stats().idle == 1
        await until(lambda: client.stats().open == 0)
        _, body = await fetch(client, request(impatient_server, b"/text"))
        assert body == TEXT

    async def test_an_unread_answer_closes_its_connection(self, client: HttpClient, server: str) -> None:
        response = await client.send(request(server, b"/big", method=b"GET"), PATIENT)
        assert not response.complete
        response.release()
        response.release()
        await until(lambda: client.stats().open == 0)

    async def test_our_client_is_the_port(self, client: HttpClient, server: str) -> None:
        port: UpstreamClient = client
        response: UpstreamResponse = await port.send(request(server, b"/text"), PATIENT)
        assert await response.next(IDLE_S) is not None
        response.release()


@pytest.fixture(scope="module")
def nginxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    first, second = tmp_path_factory.mktemp("nginx"), tmp_path_factory.mktemp("impatient")
    with nginx(first) as patient, nginx(second, keepalive_s=1) as impatient:
        yield patient, impatient


@pytest.fixture(scope="module")
def uvicorns() -> Iterator[tuple[str, str]]:
    with uvicorn_server() as patient, uvicorn_server(keepalive_s=1) as impatient:
        yield patient, impatient


@pytest.mark.nginx
class TestNginx(UpstreamContract):
    @pytest.fixture
    def server(self, nginxes: tuple[str, str]) -> str:
        return nginxes[0]

    @pytest.fixture
    def impatient_server(self, nginxes: tuple[str, str]) -> str:
        return nginxes[1]


class TestUvicorn(UpstreamContract):
    @pytest.fixture
    def server(self, uvicorns: tuple[str, str]) -> str:
        return uvicorns[0]

    @pytest.fixture
    def impatient_server(self, uvicorns: tuple[str, str]) -> str:
        return uvicorns[1]
