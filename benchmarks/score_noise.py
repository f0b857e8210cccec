"""How noisy the scores of a study are: over draws of images, over training seeds, over settings.

Run `python benchmarks/score_noise.py PROJECT [EPOCHS]` where PROJECT has the slices and the
`params.yaml` of the demo. Its VAE is trained with three settings and three seeds each, which takes
seven minutes of a core; `OMP_NUM_THREADS=1` leaves the others alone. Shown are standard deviations
of the distances between generated images and validation slices, by the number of images: over
draws from one network, over seeds with one draw each, and over the means of the settings; then the
same of DSSIM, what pairing by seed brings, and the distances at a third of the training.
"""

import sys
from collections import defaultdict
from itertools import chain, product
from pathlib import Path
from statistics import fmean, stdev, variance

import torch
from torch import Tensor, nn

from mrigen.data.loader import VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import generate
from mrigen.evaluation.generation.distances import statistics_of
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.distribution import frechet_distance
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.project import Project, load_project
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning.plan import make_scorer
from mrigen.stages.tuning.trial import train_and_score
from mrigen.training.runtime import choose_runtime

MODEL = "vae"
SETTINGS: dict[str, dict[str, float | int]] = {
    "as it is": {},
    "fast": {"training.learning_rate": 4e-3},
    "small": {"network.latent_size": 16},
}
SEEDS = (1, 2, 3)
EPOCHS = 20
COUNTS = (32, 64, 128, 256, 512)
DRAWN = 640
USED = 256

RUNTIME = choose_runtime(device="cpu")
DISTANCES = {
    "frechet_distance": lambda x, y: frechet_distance(statistics_of(x), statistics_of(y)),
    "kernel_distance": kernel_distance,
}
# Of each setting, a value for each seed.
Values = dict[str, list[float]]


class Keeper:
    """In place of a scorer: keeps the features of generated images, early and at the end."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.extractor, self.looks = extractor, list[Tensor]()
        self.network: nn.Module | None = None

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Keep them; there is nothing to say to a look."""
        drawn = generate(network, DRAWN, seed=10_000)
        parts = (from_integers(to_uint8(part)) for part in drawn)
        self.looks.append(torch.cat([self.extractor(part, chunk=2) for part in parts]))
        self.network = network
        return {}


def main(root: Path, epochs: int) -> None:
    project = load_project(root)
    store = SliceStore(project.processed(project.model_config(MODEL).dataset))
    extractor = efficientnet_lite0()
    rows = store.positions(VALIDATION)
    real = extractor(from_integers(store.read(rows))[:, None], chunk=2)
    early, late, dssim = defaultdict(list), defaultdict(list), defaultdict(list)
    for name, seed in product(SETTINGS, SEEDS):
        keeper, reproduced = train(project, store, extractor, name, seed=seed, epochs=epochs)
        early[name].append(keeper.looks[0])
        late[name].append(keeper.looks[-1])
        dssim[name].append(reproduced)
        print(f"{name}, seed {seed}: trained", file=sys.stderr)
    print("images  distance           over draws  over seeds  between settings")
    for count, (label, distance) in product(COUNTS, DISTANCES.items()):
        values = {n: [distance(x[:count], real) for x in sets] for n, sets in late.items()}
        draws = [
            variance([distance(part, real) for part in x.split(count)[: DRAWN // count]])
            for x in chain.from_iterable(late.values())
            if DRAWN // count > 1
        ]
        over_draws = fmean(draws) ** 0.5 if draws else float("nan")
        print(f"{count:6}  {label:18} {over_draws:10.4f}  {spread(values)}")
    print(f"        {'dssim':18} {'':10}  {spread(dssim)}")
    for title, sets in (("at a third", early), ("at the end", late)):
        show(
            title,
            {
                n: [DISTANCES["frechet_distance"](x[:USED], real) for x in s]
                for n, s in sets.items()
            },
        )


def train(
    project: Project,
    store: SliceStore,
    extractor: FeatureExtractor,
    name: str,
    *,
    seed: int,
    epochs: int,
) -> tuple[Keeper, float]:
    config = project.model_config(MODEL).with_parameters(SETTINGS[name])
    training = config.training.model_copy(update={"seed": seed, "epochs": epochs})
    config = config.model_copy(update={"training": training})
    keeper = Keeper(extractor)
    job = TrainingJob(project, MODEL, config, store, RUNTIME)
    train_and_score(job, keeper, looks=(max(1, epochs // 3),), look=lambda *_: False)
    scorer = make_scorer(project, config, store, RUNTIME.device)
    return keeper, scorer(keeper.network)["dssim"]


def spread(values: Values) -> str:
    over_seeds = fmean(variance(each) for each in values.values()) ** 0.5
    between = stdev(fmean(each) for each in values.values())
    return f"{over_seeds:10.4f}  {between:10.4f}"


def show(title: str, values: Values) -> None:
    print(f"\nfrechet_distance of {USED} images {title}, {spread(values)}")
    first = next(iter(values))
    for name, found in values.items():
        apart = [one - other for one, other in zip(found, values[first], strict=True)]
        told = f", less that of '{first}' {stdev(apart):.2f} over seeds" if name != first else ""
        print(f"  {name:10} {fmean(found):8.2f}{told}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else EPOCHS)
