"""What serving costs beside the network, and against MLflow's own server.

Run `python benchmarks/serving_throughput.py PROJECT --model gan15` with a finished project, such
as that of `make demo`. One run measures, in turn and repeatedly: the bare network in chunks of 16
with all cores, its noise included; `mrigen serve` with 32 clients that ask for sheets of 16, NPZ
files of 64 and single pictures; `mlflow models serve` of the same registered model with the same
counts; and at last `mrigen serve` at twice the rate of sheets that it can keep up.

Clients and server share the machine. Where others compute on it, too, look at the images per
second of a processor rather than per second on the wall: the server's own, without its clients.

With `--untrained`, PROJECT is any folder with a params.yaml, such as a copy of a study's; a model
of it is served with weights that were never trained and without a registry, and MLflow is left out.
"""

import argparse
import contextlib
import os
import re
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from serving_clients import Answered, Asked, ask_at_rate, ask_in_turn
from serving_servers import load, mlflow_server, mrigen_server, processor_seconds

CLIENTS = 32
COUNTS = {16: "png", 64: "npz", 1: "png"}
BARE = {"bare network": 0, "bare network, a thread per core": len(os.sched_getaffinity(0))}


@dataclass
class Runs:
    """Measurements of one thing.

    Attributes
    ----------
    images_per_second
        On the wall, of each run.
    images_per_processor_second
        Of the server, or of the bare network.
    client_share
        Of a processor, for the clients.
    """

    images_per_second: list[float] = field(default_factory=list)
    images_per_processor_second: list[float] = field(default_factory=list)
    client_share: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


def run_bare(
    project: str, model: str, seconds: float, *, untrained: bool, lanes: int = 0
) -> tuple[float, float]:
    """Return images per second on the wall and of a processor.

    Chunks are computed one after the other with all cores, or by `lanes` threads with one each.
    """
    from mrigen.models.sampling import CHUNK, draw_samples, single_threaded

    network = load(project, model, untrained=untrained)[0]

    def draw(until: float) -> int:
        images = 0
        with single_threaded() if lanes else contextlib.nullcontext():
            while time.perf_counter() < until:
                draw_samples(network, range(images, images + CHUNK))
                images += CHUNK
        return images

    draw(time.perf_counter() + 0.2)
    start, spent = time.perf_counter(), time.process_time()
    if lanes:
        with ThreadPoolExecutor(lanes) as pool:
            images = sum(pool.map(draw, [start + seconds] * lanes))
    else:
        images = draw(start + seconds)
    return images / (time.perf_counter() - start), images / (time.process_time() - spent)


def ask(runs: Runs, clients: ProcessPoolExecutor, pid: int, asked: Asked, seconds: float) -> None:
    """Measure a server for some seconds."""
    spent = processor_seconds(pid)
    answered: Answered = clients.submit(ask_in_turn, asked, CLIENTS, seconds).result()
    spent = processor_seconds(pid) - spent
    if not set(answered.latencies) <= {200, 503}:
        raise SystemExit(f"{asked.path} answered with {sorted(answered.latencies)}")
    images = len(answered.good) * asked.images
    runs.images_per_second.append(images / answered.seconds)
    runs.images_per_processor_second.append(images / spent)
    runs.client_share.append(answered.client_seconds / answered.seconds)
    runs.latencies += answered.good


def overload(clients: ProcessPoolExecutor, asked: Asked, rate: float, seconds: float) -> None:
    """Ask at a rate and print how it went."""
    answered: Answered = clients.submit(ask_at_rate, asked, rate, seconds).result()
    total = sum(map(len, answered.latencies.values()))
    good, refused = answered.good, sorted(answered.latencies.get(503, [0.0]))
    print(f"\n{rate:.0f} requests a second for {seconds:.0f} s, twice what it keeps up:\n")
    print("| answer | share | p50 | p99 | longest |\n|---|---|---|---|---|")
    for name, some in (("images", good), ("503", refused)):
        print(
            f"| {name} | {len(some) / total:.1%} | {some[len(some) // 2] * 1e3:.0f} ms | "
            f"{some[int(len(some) * 0.99)] * 1e3:.0f} ms | {some[-1] * 1e3:.0f} ms |"
        )
    others = {status: len(some) for status, some in answered.latencies.items()}
    print(f"\nBy status: {others}; images a second: {len(good) * asked.images / seconds:.0f}")


def show(measured: dict[str, Runs]) -> None:
    """Print a table of medians, with the range of the runs."""
    bare = measured["bare network"]
    ours = {name: runs for name, runs in measured.items() if name.startswith("mrigen")}
    print("| | images/s | of bare | images/s of a processor | of bare | clients | p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|")
    for name, runs in measured.items():
        wall = statistics.median(runs.images_per_second)
        own = statistics.median(runs.images_per_processor_second)
        latencies = sorted(runs.latencies)
        print(
            f"| {name} | {wall:.0f} ({min(runs.images_per_second):.0f} to "
            f"{max(runs.images_per_second):.0f}) | {ratio(runs, bare):.2f} | {own:.0f} | "
            f"{own / statistics.median(bare.images_per_processor_second):.2f} | "
            + (
                f"{statistics.median(runs.client_share):.2f} | "
                f"{latencies[len(latencies) // 2] * 1e3:.0f} ms | "
                f"{latencies[int(len(latencies) * 0.99)] * 1e3:.0f} ms |"
                if latencies
                else "| | |"
            )
        )
    for name, runs in ours.items():
        theirs = measured.get(name.replace("mrigen", "mlflow"))
        if theirs:
            print(f"\n{name}: {ratio(runs, theirs):.1f} times MLflow's images a second")


def ratio(runs: Runs, others: Runs) -> float:
    """Return the median of the ratios of runs that followed one another."""
    pairs = zip(runs.images_per_second, others.images_per_second, strict=True)
    return statistics.median(one / other for one, other in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "project", help="a finished project; with --untrained any folder with a params.yaml"
    )
    parser.add_argument("--model", default="gan15", help="a registered generator")
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    name = re.split("[@/]", options.model)[0]
    untrained, seconds = options.untrained, options.seconds
    with contextlib.ExitStack() as stack:
        spawn = get_context("spawn")
        bare = stack.enter_context(ProcessPoolExecutor(1, spawn))
        clients = stack.enter_context(ProcessPoolExecutor(1, spawn))
        servers = {
            "mrigen": stack.enter_context(
                mrigen_server(options.project, options.model, untrained=untrained)
            )
        }
        if not untrained:
            servers["mlflow"] = stack.enter_context(mlflow_server(options.project, options.model))
        asked = {
            f"{kind}, {count} a request": (servers[kind][0], request(kind, name, port, count))
            for count in COUNTS
            for kind, (_, port) in servers.items()
        }
        measured = {what: Runs() for what in (*BARE, *asked)}
        for pid, one in asked.values():  # unmeasured: connections, memory, caches
            ask(Runs(), clients, pid, one, seconds / 3)
        for _ in range(options.rounds):
            for what, lanes in BARE.items():
                wall, own = bare.submit(
                    run_bare,
                    options.project,
                    options.model,
                    seconds,
                    untrained=untrained,
                    lanes=lanes,
                ).result()
                measured[what].images_per_second.append(wall)
                measured[what].images_per_processor_second.append(own)
            for what, (pid, one) in asked.items():
                ask(measured[what], clients, pid, one, seconds)
        show(measured)
        sheets = measured["mrigen, 16 a request"].images_per_second
        rate = 2 * statistics.median(sheets) / 16
        overload(clients, asked["mrigen, 16 a request"][1], rate, 2 * seconds)


def request(kind: str, model: str, port: int, count: int) -> Asked:
    """Return a request for images."""
    if kind == "mrigen":
        body = {"count": count, "seed": 1, "format": COUNTS[count]}
        return Asked(port, f"/v1/models/{model}/samples", body, count)
    body = {"inputs": [[[[0.0]]]], "params": {"num_samples": count, "seed": 1}}
    return Asked(port, "/invocations", body, count)


if __name__ == "__main__":
    main()
