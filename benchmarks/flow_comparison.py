"""Whether `flow` is better than the other generators after the same seconds of training.

Run `python benchmarks/flow_comparison.py PROJECT OUT`, where `mrigen slices heads` has run in
PROJECT, and OUT is a folder outside of the repository: the images in it may be of real people. The
contenders train one after the other with the same seconds, then all are judged by the same code:
as many generated images as there are test slices, features of EfficientNet-Lite0. It prints a
table, and writes `comparison.json` and `samples.png`; models of mrigen also leave their bundle,
which `mrigen evaluate` judges further once `OUT/models/NAME` lies in PROJECT. A contender whose
result lies in OUT already, with the same entry, data, seconds and device, is not trained again; one
that lies there is shown, or named if it was trained under another protocol.
docs/decisions/0039-how-flow-is-compared.md tells what is fair about it.
"""

import argparse
import gc
import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from flow_budget import Budget
from flow_contenders import REPOSITORY, contenders
from flow_report import judged_rows, report
from flow_results import Result, Results, finished, identity_of
from flow_training import Bench, Trained, train_for
from threadpoolctl import threadpool_limits

from mrigen.data.loader import TEST, TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import MrigenError
from mrigen.model_config import ModelConfig
from mrigen.project import load_project
from mrigen.stages.provenance import git_commit
from mrigen.stages.training_job import TrainingJob
from mrigen.training.divergence import DivergenceError
from mrigen.training.memory import keep_freed_memory
from mrigen.training.runtime import choose_runtime

#: Contenders that train themselves: the module here, and the packages that it needs. Variants take
#: over the entry of `flow`.
VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {"latent_flow": ("flow_latent", ())}
#: Those of other projects.
PEERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "monai_ldm": ("flow_monai", ("monai", "einops")),
    "pythae_vae": ("flow_pythae", ("pythae",)),
}
_MODULES = VARIANTS | PEERS
_DRAWN = 64  # images whose drawing is timed


class Comparison:
    """What competes, and where the results lie."""

    def __init__(self, bench: Bench, results: Results, protocol: dict[str, Any]) -> None:
        self.bench, self.results, self.protocol = bench, results, protocol

    def check(self, name: str, config: ModelConfig) -> None:
        """See to it that a model of mrigen can be trained on the slices."""
        bench = self.bench
        TrainingJob(bench.project, name, config, bench.store, bench.runtime).check()

    def run_own(self, name: str, config: ModelConfig, *, anew: bool) -> None:
        """Train a model of mrigen, unless that was done."""
        recipe = config.trained
        del recipe["training"]["epochs"]
        self._run(name, recipe, lambda: train_for(self.bench, name, config), anew=anew)

    def run_module(self, name: str, flow: ModelConfig, *, anew: bool) -> None:
        """Train a contender that trains itself, unless that was done."""
        path, packages = _MODULES[name]
        module = importlib.import_module(path)
        versions = {package: version(package) for package in packages}
        recipe = {"recipe": module.RECIPE, "versions": versions}
        taken = [flow] if name in VARIANTS else []
        if taken:
            recipe["flow"] = flow.trained
        self._run(name, recipe, lambda: module.train(self.bench, *taken), anew=anew)

    def _run(
        self, name: str, recipe: dict[str, Any], train: Callable[[], Trained], *, anew: bool
    ) -> None:
        identity = identity_of(self.protocol, recipe)
        known = self.results.find(name)
        if known is not None and known.identity == identity and not anew:
            return
        blank = Result(name, identity, self.protocol, recipe, git_commit(REPOSITORY))
        started = time.perf_counter()
        try:
            trained = train()
        except DivergenceError as error:
            self.results.keep(replace(blank, failure=f"diverged {error.finding}"), {})
            return
        # The short run, which the budget does not count, included.
        trained.details["wall_seconds"] = time.perf_counter() - started
        drawn, seconds = {}, {}
        for way, draw in trained.draws.items():
            draw(16)  # what is done once is done
            start = self.bench.budget.now()
            draw(_DRAWN)
            seconds[way] = self.bench.budget.now() - start
            drawn[way] = draw(self.protocol["images"])
        self.results.keep(finished(blank, trained, seconds), drawn)
        gc.collect()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path, help="folder for results, outside of the repository")
    parser.add_argument("--dataset", default="heads")
    parser.add_argument("--seconds", type=float, default=1200, help="of training, for each")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--cores", type=int, default=2, help="that the seconds are of")
    parser.add_argument("--threads", type=int, help="default: the cores; with --clock cpu one")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="default: all but the peers")
    parser.add_argument("--peers", action="store_true", help=f"with {' and '.join(PEERS)}")
    parser.add_argument("--flow", type=Path, metavar="FILE.yaml", help="entry of flow, or several")
    parser.add_argument("--images", type=int, help="default: as many as test slices")
    parser.add_argument("--precision", choices=["fp32", "bf16", "tf32"], default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--anew", action="store_true", help="train again what was trained")
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> Comparison:
    """Open the slices and the results, and settle what all contenders have in common."""
    out = options.out.resolve()
    if out.is_relative_to(REPOSITORY):
        raise SystemExit(f"'{out}' is in the repository: expected a folder outside of it.")
    if options.clock == "cpu" and options.device != "cpu":
        raise SystemExit("the clock 'cpu' tells nothing of a GPU: use '--clock wall'.")
    project = load_project(options.project)
    store = SliceStore(project.processed(options.dataset))
    store.verify()
    threads = options.threads or (1 if options.clock == "cpu" else options.cores)
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    keep_freed_memory()
    runtime = choose_runtime(device=options.device, precision=options.precision)
    budget = Budget(options.seconds, options.clock, options.cores)
    sizes = [len(store.positions(split)) for split in (TEST, TRAIN)]
    protocol = {
        "data": store.fingerprint,
        "budget": budget._asdict(),
        "threads": threads,
        "arithmetic": runtime.arithmetic,
        "device": runtime.device_name,
        "seed": options.seed,
        "images": min(options.images or max(sizes), *sizes),
    }
    bench = Bench(replace(project, root=out), store, runtime, budget, options.seed)
    return Comparison(bench, Results(out), protocol)


def wanted_names(options: argparse.Namespace, own: list[str]) -> list[str]:
    """Return who is to be trained, in order, once it is clear that all of them can be."""
    names = options.only or [*own, *VARIANTS, *(PEERS if options.peers else ())]
    known = [*own, *_MODULES]
    for name in names:
        if name not in known:
            raise SystemExit(f"no contender '{name}': expected one of {', '.join(known)}.")
        missing = [each for each in _MODULES.get(name, ("", ()))[1] if find_spec(each) is None]
        if missing:
            raise SystemExit(
                f"contender '{name}' needs {' and '.join(missing)}, which is not installed: run "
                "\"pip install 'mrigen[peers]'\"."
            )
    return names


def main() -> None:
    options = parse_arguments()
    try:
        comparison = prepare(options)
        own = contenders(options.dataset, flow=options.flow, seed=options.seed)
        wanted = wanted_names(options, list(own))
        for name in own.keys() & set(wanted):
            comparison.check(name, own[name])
        for name in wanted:
            print(f"{name} ...", file=sys.stderr, flush=True)
            if name in own:
                comparison.run_own(name, own[name], anew=options.anew)
            else:
                comparison.run_module(name, own["flow"], anew=options.anew)
        known = [*own, *_MODULES]
        names = [*known, *(one for one in comparison.results.names() if one not in known)]
        rows = judged_rows(comparison.bench, comparison.results, names, comparison.protocol)
        report(comparison.bench, comparison.results, rows, peers=tuple(PEERS))
    except MrigenError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
