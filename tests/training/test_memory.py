"""Memory is taken once: the kernel has nothing to clear at the second step."""

import mmap
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from mrigen.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(4):
    large = b"." * 2**26
    del large
    faults, before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, locals().get("faults")
print(faults - before)
"""


def pages_of_a_later_step(how: str) -> int:
    command = [sys.executable, "-c", SCRIPT, how]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_used_again():
    pages = 2**26 // mmap.PAGESIZE
    assert pages_of_a_later_step("give back") >= pages / 2
    assert pages_of_a_later_step("keep") < pages / 10
