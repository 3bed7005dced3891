import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock_testing.services.docker import docker_answers, kafka_environment


@contextmanager
def engine(path: Path, answer: bytes) -> Iterator[str]:
    """Something that listens where an engine would, and answers each caller the same."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            with caller:
                caller.recv(1024)
                caller.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        yield f"unix://{path}"
        listening.shutdown(socket.SHUT_RDWR)
    serving.join()


def test_an_engine_that_answers_is_there(tmp_path: Path) -> None:
    with engine(tmp_path / "s", b"HTTP/1.0 200 OK\r\nServer: Docker\r\n\r\nOK") as host:
        assert docker_answers(host)


def test_an_engine_that_refuses_is_not(tmp_path: Path) -> None:
    with engine(tmp_path / "s", b"HTTP/1.0 403 Forbidden\r\n\r\n") as host:
        assert not docker_answers(host)


def test_something_else_at_its_address_is_not_an_engine(tmp_path: Path) -> None:
    with engine(tmp_path / "s", b"") as host:
        assert not docker_answers(host)


def test_nobody_at_its_address_is_no_engine(tmp_path: Path) -> None:
    assert not docker_answers(f"unix://{tmp_path}/none")
    assert not docker_answers("tcp://127.0.0.1:1")


def test_a_broker_in_a_container_is_reached_where_it_says() -> None:
    told = kafka_environment(4242)
    assert told["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://127.0.0.1:4242"
    assert ":4242," in told["KAFKA_LISTENERS"]
    assert told["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
