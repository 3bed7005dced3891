"""Saved fold state: bytes that a later process goes on from, and a digest that proves them.

Rule: a state that was encoded and decoded folds on exactly like the one that stayed. The digest covers what
the log says and leaves out the bookkeeping of rows, so two folds of one log agree whoever took rows when.
Raise STATE_SCHEMA whenever a field of the state changes its meaning: a mismatch only means folding again.
"""

from hashlib import sha256
from typing import Final

import msgspec

from interlock_domain.projection.state import State, Table

STATE_SCHEMA: Final = 1

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(State)
_canonical: Final = msgspec.json.Encoder(order="deterministic")


def encode_state(state: State) -> bytes:
    """The whole state, rows' bookkeeping included."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> State:
    """The state again; raises msgspec.MsgspecError when the bytes are not one."""
    return _decoder.decode(data)


def fork(state: State) -> State:
    """A copy that shares nothing that changes."""
    return _decoder.decode(_encoder.encode(state))


def state_digest(state: State) -> str:
    """SHA-256 over the canonical form, in hex."""
    table, state.table = state.table, Table()
    try:
        return sha256(_canonical.encode(state)).hexdigest()
    finally:
        state.table = table
