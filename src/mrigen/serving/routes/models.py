"""What is served."""

from typing import Annotated

from fastapi import APIRouter, Query

from mrigen.serving.routes.answers import GUARDED, NOT_SERVED, ModelName
from mrigen.serving.schemas import ModelEntry, ModelList
from mrigen.serving.served import ServedModel
from mrigen.serving.state import ServerState, State

router = APIRouter(tags=["models"])


@router.get("/v1/models", responses=GUARDED, response_description="What is served")
async def list_models(state: State) -> ModelList:
    """List the served models and what they can do."""
    models = [_entry(model, state) for model in state.shelf.models]
    return ModelList(models=models, refused=list(state.refused))


@router.get(
    "/v1/models/{name}",
    responses={**NOT_SERVED, **GUARDED},
    response_description="The model",
)
async def show_model(
    name: ModelName,
    state: State,
    version: Annotated[
        int | None, Query(ge=1, description="left out, the one that the server names first")
    ] = None,
) -> ModelEntry:
    """Say what one model can do."""
    return _entry(state.shelf.find(name, version), state)


def _entry(model: ServedModel, state: ServerState) -> ModelEntry:
    default = next(one for one in state.shelf.models if one.name == model.name) is model
    return model.entry(default=default, max_count=state.settings.max_count)
