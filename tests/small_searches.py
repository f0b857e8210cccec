"""Plans of studies that take no training: of a space of twelve choices, and of an endless one."""

from mrigen.tuning.config import SearchConfig
from mrigen.tuning.plan import StudyPlan

DEPTHS = {"network.depth": {"choice": [3, 4, 5]}}
RATE = {"training.learning_rate": {"float": [1e-4, 1e-2], "log": True}}

# prior; mixtures of 2 to 4 components: with the depths twelve choices
SAMPLING = {
    "network.sampling.name": {"choice": ["prior", "mixture"]},
    "network.sampling.components": {
        "integer": [2, 4],
        "when": {"network.sampling.name": "mixture"},
    },
}
FINITE = DEPTHS | SAMPLING
CHOICES = 12
WIDE = FINITE | RATE


def search(parameters, **others):
    return SearchConfig.model_validate({"parameters": parameters, **others})


def plan(parameters=WIDE, *, baseline=None, objectives=("frechet_distance",), **others):
    """Return the plan of a study of model 'vae'."""
    named = {"name": "vae-11111111-22222222", "data": "1" * 64, "space": "2" * 64}
    named |= {"model": "vae", "dataset": "heads", "epochs": 40}
    for key in named.keys() & others.keys():
        named[key] = others.pop(key)
    return StudyPlan(
        objectives=objectives, search=search(parameters, **others), baseline=baseline, **named
    )


def score(params):
    """Return a score that is small for deep networks with mixtures of three."""
    components = params.get("network.sampling.components", 8)
    return 40.0 - 5 * params.get("network.depth", 0) + abs(components - 3)


def run_twenty(root):
    """Run trials of the endless space until twenty count, whoever else does so."""
    from mrigen.tuning.storage import open_storage
    from mrigen.tuning.study import open_study

    storage = open_storage(root, None)
    study = open_study(storage, plan(WIDE))
    with storage.worker() as worker:
        while claimed := study.claim(worker, total=20):
            claimed.look(score(claimed.params), 5)
            claimed.complete([score(claimed.params)])
