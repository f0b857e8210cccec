"""`mrigen serve` under everything at once, for as long as one likes.

A copy of a project is served to clients of every kind while its champion changes every few
seconds, now and then to a version whose files were damaged, and while the server is killed and
started again. Every answer is compared byte by byte with what was computed beside the server.
Prints what was answered and what the server held; the exit code is 1 if anything was wrong:

    python benchmarks/serving_chaos.py --project . --minutes 10

The project is one whose demo models are registered (`make demo`); it is only read.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from chaos_clients import (
    HEADERS,
    Chaos,
    ask,
    endure,
    leave,
    read_slowly,
    restore,
    send_half,
    send_wrong,
)
from chaos_project import copy_project
from chaos_server import WATCH_SECONDS, Stretch, WatchedServer

GENERATORS, MOVED, RESTORERS = ("vae", "gan7"), "gan4", ("unet", "skip_cae")
CLIENTS = {
    "samples": (ask, 6),
    "restore and anomaly": (restore, 3),
    "slow readers": (read_slowly, 2),
    "leavers": (leave, 3),
    "half requests": (send_half, 2),
    "wrong requests": (send_wrong, 2),
}
MOST_GROWTH = 64  # MiB of a process, between the second and the last quarter of its life
MOST_LEFT = 8  # files and threads more than before the load, when all clients have gone
SEEN_WITHIN = 20.0 + 2 * WATCH_SECONDS  # the machine is as busy as it can be


async def move_champions(chaos: Chaos, quiet: asyncio.Lock) -> None:
    """Change the champion every few seconds; every fifth time to the damaged version first."""
    project, turn = chaos.project, 0
    while True:
        turn += 1
        async with quiet:  # no kill between a move and its being seen
            if turn % 5 == 0:
                await asyncio.to_thread(project.move, project.bad)
                await _seen(chaos, "kept out", project.bad)
            version = project.good[turn % 2]
            await asyncio.to_thread(project.move, version)
            await _seen(chaos, "followed", version)
        await asyncio.sleep(3)


async def _seen(chaos: Chaos, what: str, version: int) -> None:
    begin = time.monotonic()
    while time.monotonic() - begin < SEEN_WITHIN:
        async with chaos.client() as client:
            answer = await client.get("/v1/models")
        if answer.status_code == 200 and _stands(answer.json(), chaos.project.moved, what, version):
            chaos.answers["moves of the champion", what] += 1
            return
        await asyncio.sleep(0.2)
    chaos.wrong.append(f"version {version} was not {what} {SEEN_WITHIN:.0f} s after its move")


def _stands(listed: dict[str, Any], name: str, what: str, version: int) -> bool:
    entries = listed["refused" if what == "kept out" else "models"]
    return (name, version) in {(one["name"], one["version"]) for one in entries}


async def kill(chaos: Chaos, quiet: asyncio.Lock, moments: Sequence[float]) -> None:
    """Kill the server at these seconds from now."""
    begin = time.monotonic()
    for moment in moments:
        await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
        async with quiet:
            await chaos.server.kill_and_restart()
        chaos.answers["server", "killed"] += 1


async def run(chaos: Chaos, seconds: float, kills: int) -> None:
    """Let everything happen at once, then look at what is left of it."""
    server, quiet = chaos.server, asyncio.Lock()
    await server.start()
    # In the first half, so that one process lives long enough for its memory to be judged.
    moments = [seconds / 2 * (n + 1) / (kills + 1) for n in range(kills)]
    acts = [
        endure(chaos, kind, act) for kind, (act, count) in CLIENTS.items() for _ in range(count)
    ]
    acts += [move_champions(chaos, quiet), kill(chaos, quiet, moments), server.watch()]
    tasks = [asyncio.ensure_future(act) for act in acts]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        if task.done() and task.exception():
            chaos.wrong.append(f"the benchmark itself failed: {task.exception()!r}")
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _look_at_what_is_left(chaos)


async def _look_at_what_is_left(chaos: Chaos) -> None:
    await asyncio.sleep(15)  # longer than a request may be late
    first, last = chaos.server.stretches[-1].looks[0], chaos.server.look()
    for name in ("files", "threads"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + MOST_LEFT:
            chaos.wrong.append(f"{after} {name} are open without clients, {before} at the start")
    async with httpx.AsyncClient(base_url=chaos.server.url, headers=HEADERS) as client:
        metrics = (await client.get("/metrics")).text
    print(*(line for line in metrics.splitlines() if "jobs" in line and line[0] != "#"), sep="\n")
    if code := await chaos.server.stop():
        chaos.wrong.append(f"the server's exit code is {code}: expected 0")


def judge(chaos: Chaos) -> None:
    """Look for growth in stretches that are long enough."""
    for number, stretch in enumerate(chaos.server.stretches):
        if stretch.seconds < 50:
            continue
        grown = stretch.quarter(3) - stretch.quarter(1)
        if grown > MOST_GROWTH:
            chaos.wrong.append(
                f"process {number} grew by {grown:.0f} MiB in {stretch.seconds:.0f} s"
            )


def tell(chaos: Chaos, seconds: float) -> None:
    """Print the tables."""
    print(f"{chaos.images} images were compared in {seconds:.0f} s\n\nclients          answers")
    kinds: dict[str, Counter[str]] = {}
    for (kind, status), count in sorted(chaos.answers.items()):
        kinds.setdefault(kind, Counter())[status] += count
    for kind, counts in kinds.items():
        print(f"{kind:24}", *(f"{status}: {count}" for status, count in counts.items()))
    print("\nserver  seconds     MiB by quarters          most files  most threads")
    for number, stretch in enumerate(chaos.server.stretches):
        _tell_stretch(number, stretch)
    for sentence, count in Counter(chaos.wrong).most_common(20):
        print(f"WRONG ({count}): {sentence}")
    print(f"\n{len(chaos.wrong)} things were wrong")


def _tell_stretch(number: int, stretch: Stretch) -> None:
    if len(stretch.looks) < 4:
        return
    memory = "  ".join(f"{stretch.quarter(n):5.0f}" for n in range(4))
    files, threads = (
        max(getattr(one, name) for one in stretch.looks) for name in ("files", "threads")
    )
    print(f"{number:6}  {stretch.seconds:7.0f}  {memory}  {files:10}  {threads:12}")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--project", type=Path, default=Path())
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--kills", type=int, default=3)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="mrigen-chaos-") as folder:
        models = (*GENERATORS, MOVED, *RESTORERS)
        project = copy_project(asked.project, Path(folder), moved=MOVED, models=models)
        chosen = tuple(word for name in models for word in ("--model", f"{name}@champion"))
        server = WatchedServer(Path(folder), chosen)
        chaos = Chaos(project, server, GENERATORS, RESTORERS)
        begin = time.monotonic()
        try:
            asyncio.run(run(chaos, asked.minutes * 60, asked.kills))
        finally:
            server.end()
        judge(chaos)
        tell(chaos, time.monotonic() - begin)
        if chaos.wrong:
            print(server.log()[-4000:])
    raise SystemExit(1 if chaos.wrong else 0)


if __name__ == "__main__":
    main()
