"""What follows each epoch of a training: curves, and what validation slices decide."""

from dataclasses import dataclass, field

from mrigen.data.loader import VALIDATION
from mrigen.objectives.build import build_objective
from mrigen.seeds import torch_seed
from mrigen.stages.best_weights import BestWeights
from mrigen.stages.looks import Looks, start_looks
from mrigen.stages.training_job import TrainingJob
from mrigen.training.loop import Progress, validate
from mrigen.training.schedule import Span, running
from mrigen.training.state import TrainState
from mrigen.training.timing import Stopwatch
from mrigen.training.watch import Watch

Row = dict[str, float]


@dataclass(kw_only=True)
class Course:
    """How a training has gone so far.

    Attributes
    ----------
    watch
        What follows from the validation loss.
    best
        The weights of the best epoch.
    looks
        What compares the averages by their images; None if nothing does.
    history
        The curves: a row per epoch.
    clock
        Seconds of training without those of looks, and with those before an interruption.
    """

    watch: Watch
    best: BestWeights
    looks: Looks | None = None
    history: list[Row] = field(default_factory=list)
    clock: Stopwatch = field(default_factory=Stopwatch)


def start_course(job: TrainingJob) -> Course:
    """Return the course of a training that has no epoch yet."""
    return Course(
        watch=Watch(job.config.training), best=BestWeights(job.checkpoint), looks=start_looks(job)
    )


def end_epoch(job: TrainingJob, state: TrainState, course: Course, point: Progress) -> Row:
    """Validate, and let that decide what it is to decide; return the curves' row."""
    assert point.terms is not None
    row = {"epoch": float(point.epoch)}
    row |= {f"train/{name}": value for name, value in point.terms.items()}
    row |= {f"validation/{name}": value for name, value in _validate(job, state).items()}
    course.history.append(row)
    training, watch = job.config.training, course.watch
    if training.watches_validation:
        watch.note(row["validation/loss"], point.epoch)
        state.rate_scale = watch.rate_scale
        if training.kept_by == "loss" and watch.best_epoch == point.epoch:
            course.best.take(state.final_network, point.epoch)
    if course.looks is not None and (course.looks.is_due(point.epoch) or watch.stopped):
        with course.clock.paused():
            row |= _look(course.looks, course.best, state, point.epoch)
    return row


def _look(looks: Looks, best: BestWeights, state: TrainState, epoch: int) -> Row:
    found = looks.look(state, epoch)
    if looks.epoch == epoch:
        best.take(state.candidates[looks.place], epoch)
    return found


def epoch_metrics(row: Row, state: TrainState, course: Course, point: Progress) -> Row:
    """Return what MLflow is told of an epoch: its curves, the learning rates, and the speed."""
    curves = {name: value for name, value in row.items() if name != "epoch"}
    return curves | _rates(state) | {"images_per_second": point.images / course.clock.seconds}


def _rates(state: TrainState) -> Row:
    rates = {name: float(each.param_groups[0]["lr"]) for name, each in state.optimizers.items()}
    if len(rates) == 1:
        return {"learning_rate": next(iter(rates.values()))}
    return {f"{name}_learning_rate": rate for name, rate in rates.items()}


def _validate(job: TrainingJob, state: TrainState) -> Row:
    if not len(job.store.positions(VALIDATION)):
        return {}
    training = job.config.training
    objective = build_objective(job.config.objective, state.final_network)
    steps = job.steps_per_epoch()
    # A phase that did not run in this epoch has no curve in it.
    epoch = Span(state.step - steps, state.step)
    phases = running(objective.phases, training.epochs * steps, epoch)
    seed = torch_seed(training.seed, "validate")
    return validate(
        objective, job.validation_batches(), seed=seed, runtime=job.runtime, phases=phases
    )
