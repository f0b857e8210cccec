"""How long `mrigen serve` takes until it is ready, against what nobody can do without.

Run `python benchmarks/serving_startup.py PROJECT`, where models are registered. In turns, one
process at a time:

- "bare" imports torch and mlflow and reads the weights of the same champions with safetensors,
- "serve" is `mrigen serve` until `/ready` answers 200, and
- "empty" is a Python that does nothing, for the processes' own share.

The ratio is that of the medians. Files are in the system's cache from the first round on, which
does not count.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from mrigen.registry.versions import champions
from mrigen.tracking.tracker import connect

BARE = """
import sys
import torch, mlflow
from safetensors.torch import load_file
for path in sys.argv[1:]:
    load_file(path)
"""


def seconds_of(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True)
    return time.perf_counter() - started


def seconds_until_ready(project: Path) -> float:
    command = [sys.executable, "-m", "mrigen", "-C", str(project), "serve", "--port", "0"]
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if found := re.search(r"http://\S+", line):
                break
        else:
            raise SystemExit("the server ended before it listened")
        while not is_ready(f"{found[0]}/ready"):
            time.sleep(0.01)
        taken = time.perf_counter() - started
        server.terminate()
        server.communicate()
    return taken


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    found = champions(connect(asked.project, write=False))
    weights = [str(bundle.path / "weights.safetensors") for bundle in found]
    kinds = {
        "empty": lambda: seconds_of("-c", ""),
        "bare": lambda: seconds_of("-c", BARE, *weights),
        "serve": lambda: seconds_until_ready(asked.project),
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(asked.rounds + 1):
        for kind, measure in kinds.items():
            seconds = measure()
            if number:
                taken[kind].append(seconds)
    print(f"{len(weights)} champions, {os.cpu_count()} cores, {asked.rounds} rounds, seconds")
    for kind, values in taken.items():
        middle = statistics.median(values)
        print(f"{kind:6} {middle:6.2f}  ({min(values):.2f} to {max(values):.2f})")
    ratio = statistics.median(taken["serve"]) / statistics.median(taken["bare"])
    print(f"serve / bare: {ratio:.2f}")


if __name__ == "__main__":
    main()
