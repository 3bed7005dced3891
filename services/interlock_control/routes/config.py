"""/config: what is declared, what a file would change, and a new revision of it.

Rule: an apply says which revision it was made on (If-Match), so that nobody overwrites a change unseen; `*`
says that it does not matter. A configuration is refused as a whole, with every mistake in it. The file's
own text is not kept: the log holds what was declared, and no secret.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from interlock_control.caller import Caller, WriteCaller, required, tagged
from interlock_control.commands import Asked
from interlock_control.plane import ControlPlane
from interlock_control.planning import planned
from interlock_control.positions import shown_position
from interlock_control.problem import Problem
from interlock_control.reading import JSON
from interlock_control.writing import settled, written
from interlock_domain.catalog.commands import ApplyConfig
from interlock_runtime.config_file import MAX_BYTES, LoadedConfig, load_text
from interlock_runtime.config_file import Problem as Mistake

AllowRemoval = Annotated[bool, Query(description="more targets may go than an accident may take")]


def router(plane: ControlPlane) -> APIRouter:
    """The routes of the configuration."""
    routes = APIRouter(prefix="/config", tags=["config"])

    @routes.get("")
    async def present() -> Response:
        """The configuration in force; its ETag is the revision."""
        declared = await plane.commands.declared()
        shows = {
            "revision": declared.revision,
            "digest": declared.digest,
            "origin": declared.origin,
            "file_digest": declared.file_digest,
            "config": declared.config(),
        }
        return tagged(Response(msgspec.json.encode(shows), media_type=JSON), declared.revision)

    @routes.post("/plan", openapi_extra=_BODY)
    async def plan(request: Request, caller: WriteCaller, allow_removal: AllowRemoval = False) -> Response:
        """What an apply of the body would change; writes nothing. Its ETag is the revision to apply on."""
        return await _planned(plane, request, caller, allow_removal=allow_removal)

    @routes.post("/apply", openapi_extra=_BODY)
    async def apply(
        request: Request,
        caller: WriteCaller,
        reason: str | None = None,
        allow_removal: AllowRemoval = False,
    ) -> Response:
        """Make the body, an interlock.yaml as YAML or JSON, the configuration."""
        base = None if caller.any_version else required(caller.seen, "revision")
        loaded = await _loaded(request)
        command = ApplyConfig(
            config=loaded.config,
            digest=loaded.digest,
            origin="api",
            base_revision=base,
            allow_removal=allow_removal,
        )
        asked = Asked(actor=caller.actor, reason=reason, key=caller.idempotency_key)
        accepted = settled(await plane.commands.handle(command, asked))
        return written(
            accepted,
            position=shown_position(plane, accepted.position),
            version=accepted.version,
            revision=accepted.version,
            changed=accepted.changed,
        )

    return routes


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string"}}, JSON: {"schema": {"type": "object"}}},
    }
}


async def _planned(plane: ControlPlane, request: Request, caller: Caller, *, allow_removal: bool) -> Response:
    loaded = await _loaded(request)
    declared = await plane.commands.declared()
    if caller.seen not in {None, declared.revision}:
        detail = f"revision {caller.seen} is no longer the newest ({declared.revision} is): read it again"
        raise Problem(412, "stale_revision", detail, current_version=declared.revision)
    answer = planned(declared, loaded, allow_removal=allow_removal)
    return tagged(Response(msgspec.json.encode(answer), media_type=JSON), declared.revision)


async def _loaded(request: Request) -> LoadedConfig:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Problem(413, "too_large", f"a configuration has at most {MAX_BYTES} bytes")
    try:
        text = bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(422, "invalid", "the body is no UTF-8 text: save the file as UTF-8") from error
    loaded = load_text(text)
    if isinstance(loaded, LoadedConfig):
        return loaded
    raise Problem(
        422,
        "invalid_config",
        f"{loaded[0]} ({len(loaded)} mistake{'s' if len(loaded) > 1 else ''} in all)",
        mistakes=[_mistake(found) for found in loaded],
    )


def _mistake(found: Mistake) -> dict[str, object]:
    return {"line": found.line, "column": found.column, "message": found.message, "hint": found.hint}
