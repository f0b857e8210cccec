import sys
from pathlib import Path

# Last, so that no module of the benchmarks takes the place of another one.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
