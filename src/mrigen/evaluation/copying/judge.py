"""Judge whether a generator copies the slices it was trained on."""

import numpy as np

from mrigen.evaluation.case import Case
from mrigen.evaluation.copying.pictures import Pair, distances_figure, pairs_figure
from mrigen.evaluation.copying.ratios import authenticity, distance_ratios
from mrigen.evaluation.copying.search import Search
from mrigen.evaluation.copying.verdict import copied, copied_interval, copied_of_real, limits
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.metrics.memorisation import nearest
from mrigen.page.document import Picture

_PRIVATE = "It shows slices of training subjects: do not share it where the data may not be shared."


def judge_copying(case: Case) -> Judgement:
    """Judge a network that makes images from noise; anything else is judged by nothing.

    Each generated slice is looked for among all training slices, and its distance to the nearest
    training subject compared with the distances to the next ones. Real slices of test subjects,
    who are not in the training data, are looked for among the same slices in the same way: what
    generated slices may be near to by chance is what these are.
    """
    config = case.config.copying
    if case.sampler is None or config is None:
        return Judgement()
    judgement = Judgement()
    search = Search(case, config)
    reason = search.too_few()
    if reason is not None:
        judgement.remarks += [reason, *search.twin_remarks()]
        return judgement
    judgement.remarks += search.remarks()
    _add_shares(judgement, search)
    judgement.add(authenticity(case.seed, search.features, search.train_of, search.test_of))
    found, control = search.found[0], search.control_found[0]
    judgement.add(distance_ratios(search.features, found, control, search.test_of, seed=case.seed))
    _add_pairs(judgement, search)
    judgement.pictures["copying_distances"] = Picture(
        "Distance to training subjects",
        "Relative distance of generated slices and of real test slices to the nearest training "
        "subject, by features and by pixels: near 0 for a copy, near 1 for somebody new. Slices "
        "left of the dashed line count as copied.",
        distances_figure(
            [space.label for space in search.spaces],
            search.generated,
            search.control,
            limits(search.control, config.control_percentile),
        ),
    )
    return judgement


def _add_shares(judgement: Judgement, search: Search) -> None:
    control, people, percentile = search.control, search.test_of, search.config.control_percentile
    of_real = copied_of_real(control, people, percentile)
    sure = []
    shares = {
        "copied_share": search.generated,
        "quick_copied_share": search.quick,
        "stack_copied_share": search.of_stacks,
    }
    for name, found in shares.items():
        if found is not None:
            share = copied_interval(
                found, control, people, percentile=percentile, seed=search.case.seed
            )
            judgement.put(name, share)
            sure.append(share.value if share.low is None else share.low)
    judgement.metrics["copied_share_of_real"] = of_real
    judgement.metrics["copied_share_excess"] = max(sure) - of_real


def _add_pairs(judgement: Judgement, search: Search) -> None:
    percentile = search.config.control_percentile
    bounds = np.maximum(limits(search.control, percentile), 1e-9)
    suspicion = search.generated / bounds[:, None]
    where = suspicion.argmin(0)
    order = np.argsort(suspicion.min(0), kind="stable")[: search.config.shown_pairs]
    flagged = copied(search.generated, search.control, percentile)
    pairs = [
        _pair(search, int(image), int(where[image]), copied=bool(flagged[image])) for image in order
    ]
    judgement.tables["copying_pairs"] = Table(
        "Most suspicious generated slices",
        "The generated slices that are nearest to a training subject, the worst first, with rows "
        "of the dataset's manifest. The space is the one in which they are nearer.",
        ("seed", "copied", "space", *_COLUMNS),
        [
            {
                "seed": search.case.seed + int(image),
                "copied": "yes" if pair.copied else "no",
                "space": pair.space,
                **_row(pair),
            }
            for image, pair in zip(order, pairs, strict=True)
        ],
    )
    judgement.pictures["copying_pairs"] = Picture(
        "Generated slices nearest to training slices",
        "Column by column, the worst first: a generated slice, its nearest training slice, and "
        "its nearest test slice, with their rows of the manifest and their distances. Under "
        "the first stands the relative distance, by features or by pixels; copies are marked. A "
        "generated slice that shows the training slice's own folds or lesion is a copy; one that "
        f"is only as similar as the test slice is not. {_PRIVATE}",
        pairs_figure(pairs),
    )


_COLUMNS = (
    "relative_distance", "training_row", "training_distance", "mirrored", "test_row",
    "test_distance",
)  # fmt: skip


def _row(pair: Pair) -> Row:
    values = (
        pair.relative, pair.train_row, pair.train_distance, "yes" if pair.mirrored else "no",
        pair.test_row, pair.test_distance,
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _pair(search: Search, image: int, space: int, *, copied: bool) -> Pair:
    found, rows = search.found[space], search.spaces[space]
    train = int(search.train[found.places[image]])
    other = nearest(rows.generated[image : image + 1], rows.test)
    test = int(search.test[other.indices[0]])
    shown = search.case.images(np.asarray([train, test], np.int64))
    return Pair(
        generated=search.case.generated(search.count)[image],
        train=shown[0],
        test=shown[1],
        copied=copied,
        space=rows.name,
        mirrored=bool(found.mirrored[image]),
        relative=float(found.relative[image]),
        train_row=train,
        test_row=test,
        train_distance=float(found.distances[image]),
        test_distance=float(other.distances[0]),
    )
