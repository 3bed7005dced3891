"""Sockets are ours before anything else, or a sentence says why not."""

import socket
from contextlib import closing

from interlock_quickstart.listen import PortRefused, listen, port_of


def test_given_a_free_port_then_clients_may_connect_at_once() -> None:
    found = listen(0, option="--port")
    assert isinstance(found, socket.socket)
    with closing(found), socket.create_connection(("127.0.0.1", port_of(found)), timeout=5) as client:
        assert client.getpeername() == ("127.0.0.1", port_of(found))


def test_given_a_port_in_use_then_the_sentence_names_it_and_the_option() -> None:
    first = listen(0, option="--port")
    assert isinstance(first, socket.socket)
    with closing(first):
        port = port_of(first)
        second = listen(port, option="--port")
    assert second == PortRefused(
        f"port {port} is in use by another program: stop it, or choose another with --port"
    )


def test_given_a_port_that_was_just_left_then_it_can_be_had_again() -> None:
    first = listen(0, option="--port")
    assert isinstance(first, socket.socket)
    port = port_of(first)
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        first.setblocking(True)
        accepted, _ = first.accept()
        accepted.close()  # ours first: the port stays in TIME_WAIT
        first.close()
        again = listen(port, option="--port")
    assert isinstance(again, socket.socket)
    again.close()
