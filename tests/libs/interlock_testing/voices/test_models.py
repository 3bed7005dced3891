"""The models of a provider, as the vendors' own clients read them."""

import anthropic
import openai
import pytest

from interlock_testing.voices.models import listing


async def test_the_openai_client_lists_and_finds_models(atlas, client):
    assert [model.id async for model in client.models.list()] == ["atlas-large", "atlas-small"]
    model = await client.models.retrieve("atlas-small")
    assert (model.id, model.object, model.owned_by) == ("atlas-small", "model", "atlas")
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("atlas-huge")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_the_anthropic_client_lists_and_finds_models(atlas, claude):
    page = await claude.models.list()
    assert (page.first_id, page.last_id, page.has_more) == ("atlas-large", "atlas-small", False)
    model = await claude.models.retrieve("atlas-small")
    assert (model.id, model.type, model.display_name) == ("atlas-small", "model", "Atlas-Small")
    with pytest.raises(anthropic.NotFoundError, match="model: atlas-huge"):
        await claude.models.retrieve("atlas-huge")


def test_a_provider_without_models_has_an_empty_list():
    found = listing("/v1/models", "atlas", (), anthropic=True)
    assert found is not None
    assert found.body == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize("path", ["/v1/model", "/models-of-old", "/v1/chat/completions"])
def test_other_paths_are_no_models(path):
    assert listing(path, "atlas", ("a",), anthropic=False) is None


async def test_models_are_listed_and_found_by_their_names_with_slashes_too(atlas, client):
    atlas.models = ("meta/llama",)
    assert (await client.models.retrieve("meta/llama")).id == "meta/llama"
