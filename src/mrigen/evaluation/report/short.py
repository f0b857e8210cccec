"""A model in a few sentences, written from its numbers."""

from collections.abc import Iterator, Mapping, Sequence

from mrigen.evaluation.report.spoken import spoken

#: Of a classifier that tells real from generated: up to where it does little more than guess.
_HARDLY_TOLD = 0.6
#: Precision below which generated slices are near no real ones, whoever they might be copies of.
_LIKE_NOBODY = 0.05
_DAMAGE = {
    "slice_psnr_db": "the damage it was trained on",
    "damage_psnr_db": "the standard damage of every kind",
}

Metrics = Mapping[str, float]


def in_short(metrics: Metrics, refusals: Sequence[str] | None) -> list[str]:
    """Say how good a model is: quality, distance to the floor, copying, told apart, gate.

    Parameters
    ----------
    metrics
        Contents of `metrics.json`.
    refusals
        Which bounds of its gate it does not meet; None where it has no gate.

    Returns
    -------
    list
        Whole sentences, of what was measured.
    """
    return [
        *_restoration(metrics),
        *_generation(metrics),
        *_copying(metrics),
        *_told_apart(metrics),
        *_usefulness(metrics),
        *_lesions(metrics),
        *_conditions(metrics),
        _gate(refusals),
    ]


def _restoration(metrics: Metrics) -> Iterator[str]:
    for key, damage in _DAMAGE.items():
        if key in metrics and f"input_{key}" in metrics:
            gain = metrics[key] - metrics[f"input_{key}"]
            words = "closer to the clean slice" if gain > 0 else "further from the clean slice"
            yield (
                f"Against {damage} it reaches a PSNR of {spoken(key, metrics)}, {abs(gain):.1f} dB "
                f"{words} than leaving the damage alone."
            )
    for key in ("clean_psnr_db", "slice_psnr_db"):
        if key in metrics and f"input_{key}" not in metrics:
            yield f"It reproduces clean slices at a PSNR of {spoken(key, metrics)}."
            return


def _generation(metrics: Metrics) -> Iterator[str]:
    if "frechet_ratio" in metrics:
        yield (
            "The Fréchet distance of its generated slices from real test slices is "
            f"{spoken('frechet_ratio', metrics)} times that of real slices of other people; 1 "
            "would be as good as real."
        )
    if "quick_frechet_ratio" in metrics:
        yield (
            "Slices that its quick mode draws are "
            f"{spoken('quick_frechet_ratio', metrics)} times as far from real ones as its others."
        )
    if "precision" in metrics and "coverage" in metrics:
        yield (
            f"{metrics['precision']:.0%} of them lie where real slices lie (precision"
            f"{_of_real('precision', metrics)}), and {metrics['coverage']:.0%} of real slices have "
            f"a generated one near them (coverage{_of_real('coverage', metrics)})."
        )


def _of_real(name: str, metrics: Metrics) -> str:
    real = metrics.get(f"{name}_of_real")
    return "" if real is None else f"; real slices of other people: {real:.0%}"


def _copying(metrics: Metrics) -> Iterator[str]:
    verdict = copying_verdict(metrics)
    if verdict is not None:
        yield verdict


def copying_verdict(metrics: Metrics) -> str | None:
    """Say whether a generator copies its training slices; None where that was not judged."""
    if "copied_share" not in metrics:
        return None
    share, control = metrics["copied_share"], metrics.get("copied_share_of_real")
    text = f"{share:.1%} of its slices pass for copies of training slices"
    others = {"quick_copied_share": "in the quick mode", "stack_copied_share": "in stacks"}
    told = [f"{how} {metrics[name]:.1%}" for name, how in others.items() if name in metrics]
    if told:
        text += f" ({', '.join(told)})"
    if control is None:
        return f"{text}."
    low = metrics.get("copied_share_low", share)
    low = max(low, *(metrics.get(f"{name}_low", low) for name in others))
    found = "a sign of copying" if low > control else "no sign of copying"
    if low <= control and metrics.get("precision", 1.0) < _LIKE_NOBODY:
        found += ", but slices that look like nobody's say little about copying"
    return f"{text}, against {control:.1%} of real test slices, which nobody copied: {found}."


def _told_apart(metrics: Metrics) -> Iterator[str]:
    if "told_apart" not in metrics:
        return
    share = metrics["told_apart"]
    found = "are hardly told from real ones" if share <= _HARDLY_TOLD else "are told from real ones"
    yield (
        f"Its slices {found} by a small classifier, which is right in {share:.0%} of cases; "
        "guessing would be right in 50%."
    )


def _usefulness(metrics: Metrics) -> Iterator[str]:
    for key in sorted(metrics):
        task, _, name = key.rpartition("/")
        if name == "useful_gain" and f"{task}/useful_both" in metrics:
            both = spoken(f"{task}/useful_both", metrics)
            yield (
                f"A classifier of {task.replace('_', ' ')} that learns from generated slices "
                f"beside real ones reaches a balanced accuracy of {both}; the gain over real ones "
                f"alone is {spoken(key, metrics)}: {_gained(key, metrics)}."
            )


def _gained(key: str, metrics: Metrics) -> str:
    low, high = metrics.get(f"{key}_low"), metrics.get(f"{key}_high")
    if low is None or high is None:
        return "too few test subjects to tell gain from chance"
    if low > 0:
        return "they help"
    return "they harm" if high < 0 else "neither gain nor loss is shown"


def _lesions(metrics: Metrics) -> Iterator[str]:
    for kind in ("inserted", "labelled"):
        key = f"{kind}_pixel_auroc"
        if key in metrics:
            bar = metrics.get(f"brightness/{key}")
            found = "stand out" if metrics[key] > max(0.5, bar or 0) else "hardly stand out"
            alone = "" if bar is None else f", and brightness alone reaches {bar:.3f}"
            yield (
                f"Pixels of {kind} lesions {found} in its residuals, with an AUROC of "
                f"{spoken(key, metrics)}; 0.5 is guessing{alone}."
            )


def _conditions(metrics: Metrics) -> Iterator[str]:
    for name, words, unit in (("position_mm", "position", "mm"), ("age", "age", "years")):
        key = f"{name}/asked_error"
        if key in metrics:
            yield (
                f"The {words} read from its slices is off by {metrics[key]:.1f} {unit} from what "
                f"was asked for; from what is known of real test slices by "
                f"{metrics[f'{key}_of_real']:.1f} {unit}."
            )
    if "ventricle_growth" in metrics:
        yield (
            "Asked for older heads of the same seeds, it lets ventricles grow by "
            f"{spoken('ventricle_growth', metrics)}; between real people they differ by "
            f"{metrics['ventricle_growth_of_real']:.1f}."
        )


def _gate(refusals: Sequence[str] | None) -> str:
    if refusals is None:
        return "It has no gate of its own."
    if not refusals:
        return "It passes its gate."
    return f"It does not pass its gate: {'; '.join(refusals)}."
