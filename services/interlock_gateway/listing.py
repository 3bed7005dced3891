"""`GET /v1/models` and one of them: what the caller's key may use, for the clients of both vendors.

Rule: listed is what would be served now, by the function that serves it; reading the list moves no counter.
"""

from interlock_domain.routing.views import pool_serves
from interlock_gateway.admission import Caller, KeyFault, Refused, refused_key
from interlock_gateway.asgi import HeaderPairs
from interlock_gateway.client_head import ClientHead
from interlock_gateway.gateway import Gateway
from interlock_protocols.errors import KeyWords
from interlock_protocols.models import model_body, models_body, read_page
from interlock_protocols.requests.bad_request import BadRequest

PATH = "/v1/models"
OWNER = "interlock"


def listing(gw: Gateway, path: str, query: bytes, headers: HeaderPairs, words: KeyWords) -> bytes | Refused:
    """The body for `PATH`, or for `PATH/<id>`; an id may hold slashes."""
    held = gw.follow.held
    if held is None:
        return Refused(503, "not_ready", "no routing snapshot yet; run `interlock apply`")
    caller = gw.admission.admit(held.snapshot.catalog.keys, ClientHead(headers))
    if isinstance(caller, KeyFault):
        return refused_key(caller, words)
    if isinstance(caller, Refused):
        return caller
    model = path[len(PATH) + 1 :]
    if model:
        if held.snapshot.resolve(model) is None or not _may_use(caller, model):
            return Refused(404, "model_not_found", f"The model `{model[:256]}` does not exist.", "model")
        return model_body(model, OWNER)
    page = read_page(query)
    if isinstance(page, BadRequest):
        return Refused(page.status, page.code.value, page.message, page.param)
    as_of_ms = gw.follow.as_of_ms()
    names = (name for name in held.snapshot.pools if _may_use(caller, name))
    return models_body(((name, OWNER) for name in names if pool_serves(held.snapshot, name, as_of_ms)), page)


def _may_use(caller: Caller | None, model: str) -> bool:
    return caller is None or caller.may_use(model)
