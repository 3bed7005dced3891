"""The models list, in one form that both the openai and the anthropic client read, in pages where asked.

Rule: the same models give the same bytes, whatever order they came in, so a list can be compared and
cached; without a word on pages the list is whole, because the openai client knows none. Two forms chosen by
a header were dropped: the anthropic client reads the merged one (measured).
"""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from msgspec import Struct

from interlock_protocols.requests.bad_request import BadRequest, BadRequestCode

_CREATED_AT: Final = "1970-01-01T00:00:00Z"
"""A pool has no release date; Anthropic writes the epoch for such a model too."""
LARGEST_PAGE: Final = 1_000
"""As in the Anthropic API; Claude Code asks for as many."""


class Page(Struct, frozen=True, kw_only=True):
    """A part of the list, by the ids around it; `limit` None: all of it.

    An id need not be in the list: a page that was asked for while a pool went away is no error.
    """

    limit: int | None = None
    after_id: str | None = None
    before_id: str | None = None


WHOLE: Final = Page()


def read_page(query: bytes) -> Page | BadRequest:
    """What a query string says of pages, as Anthropic's `limit`, `after_id` and `before_id`."""
    if not query:
        return WHOLE
    given = dict(parse_qsl(query.decode(errors="replace"), keep_blank_values=True))
    limit = given.get("limit")
    if limit is not None and not (
        limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= LARGEST_PAGE
    ):
        return BadRequest(
            code=BadRequestCode.INVALID_TYPE,
            message=f"Invalid value for 'limit': expected a whole number from 1 to {LARGEST_PAGE}.",
            param="limit",
        )
    return Page(
        limit=None if limit is None else int(limit),
        after_id=given.get("after_id") or None,
        before_id=given.get("before_id") or None,
    )


def models_body(models: Iterable[tuple[str, str]], page: Page = WHOLE) -> bytes:
    """The list of (id, owned_by), sorted by id; a repeated id keeps its first owner in that order."""
    owners: dict[str, str] = {}
    for name, owned_by in sorted(models):
        owners.setdefault(name, owned_by)
    names, has_more = _cut(list(owners), page)
    return orjson.dumps(
        {
            "object": "list",
            "data": [_model(name, owners[name]) for name in names],
            "has_more": has_more,
            "first_id": names[0] if names else None,
            "last_id": names[-1] if names else None,
        }
    )


def model_body(id: str, owned_by: str) -> bytes:
    """One model, as `GET /v1/models/{id}` answers."""
    return orjson.dumps(_model(id, owned_by))


def _cut(names: list[str], page: Page) -> tuple[list[str], bool]:
    """The names of a page, and whether more lie beyond it in the direction that was asked for."""
    after, before = page.after_id, page.before_id
    found = [name for name in names if (after is None or name > after) and (before is None or name < before)]
    limit = len(found) if page.limit is None else page.limit
    # Backwards, the nearest ones are the last.
    kept = found[-limit:] if before is not None and after is None and limit else found[:limit]
    return kept, len(kept) < len(found)


def _model(id: str, owned_by: str) -> dict[str, Any]:
    return {
        "id": id,
        "object": "model",
        "created": 0,
        "owned_by": owned_by,
        "type": "model",
        "display_name": id,
        "created_at": _CREATED_AT,
    }
