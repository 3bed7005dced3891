"""What the content chunks of one stream have in common, and the quick proof that a burst is nothing else.

It owns the template of one stream: the bytes before and after the text of a chunk. Vendors send the same
bytes around every text, so a burst is proved by counting: as many joints (the end of one chunk and the
beginning of the next) as chunks need, and not one character between them that could end a JSON string. The
rule: what is counted here decodes to the same chunks as the one it was learnt from, the text apart; anything
else is 0 and is decoded. Searching the text for markers was dropped: it costs as much and proves less.
Taking the chunks apart at the joint was dropped: CPython prepares its search anew for every piece.
"""

from typing import Final

_KEY: Final = b'"content":"'
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x80) if byte not in b'"\\')
"""What stands in a JSON string for itself, in one byte. To leave the rest over is quicker than to take it
out."""
_RARE: Final = bytes((ord("\\"), *range(0x80, 0x100)))
"""What may stand in a text after a closer look."""
_SIMPLE: Final = b"/bfnrt"
"""What a backslash may stand before, a quote apart; an escaped backslash or a code point is decoded."""


class ContentTemplate:
    """The bytes around the text of each chunk. `learn` it from a chunk that was decoded."""

    __slots__ = ("_inner", "_joint", "_prefix", "_special", "_suffix")

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self._prefix = prefix
        self._suffix = suffix
        self._joint = suffix + prefix
        self._inner = len(self._joint)
        self._special = len(self._joint.translate(None, _PLAIN))

    @classmethod
    def learn(cls, whole: bytes) -> "ContentTemplate | None":
        """The template of the last of these events; None when its text cannot be told by its bytes.

        Each event is `data: `, one JSON object that decodes, and two line ends. Without a backslash quotes
        open and close in turn, so the key can stand nowhere but where a string value follows it.
        """
        border = whole.rfind(b"\n\n", 0, -2)
        event = whole[border + 2 :] if border >= 0 else whole
        key = event.find(_KEY)
        if key < 0 or b"\\" in event or not event.isascii():
            return None
        text = key + len(_KEY)
        return cls(event[:text], event[event.find(b'"', text) :])

    def count(self, whole: bytes) -> int:
        """How many chunks of this template the whole events are; 0 when they are anything else."""
        prefix, suffix, joint = self._prefix, self._suffix, self._joint
        size = len(whole)
        if size < self._inner or not (whole.startswith(prefix) and whole.endswith(suffix)):
            return 0
        found = 1 + whole.count(joint, len(prefix), size - len(suffix))
        left = whole.translate(None, _PLAIN)
        if len(left) != found * self._special and not self._is_text(whole, left, found * self._special):
            return 0
        return found

    def _is_text(self, whole: bytes, left: bytes, own: int) -> bool:
        """Whether what is left over beside the template's `own` bytes are simple escapes and UTF-8."""
        quotes: int | None = 0
        if left.find(b"\\") >= 0:
            quotes = self._escaped_quotes(whole)
        if quotes is None or len(left.translate(None, _RARE)) != own + quotes:
            return False
        return left.isascii() or _is_utf8(whole)

    def _escaped_quotes(self, whole: bytes) -> int | None:
        """How many quotes are escaped; None when a backslash begins anything but a simple escape."""
        quotes = 0
        for piece in whole.split(b"\\")[1:]:
            if piece[:1] == b'"':
                if piece.startswith(self._suffix):  # a text that ends with a backslash and so never ends
                    return None
                quotes += 1
            elif not piece or piece[0] not in _SIMPLE:
                return None
        return quotes


def _is_utf8(whole: bytes) -> bool:
    try:
        whole.decode()
    except UnicodeDecodeError:
        return False
    return True
