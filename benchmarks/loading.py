"""How long loading the plugin into a host takes, against importing what it stands on alone.

Run: python -m benchmarks.loading. Prints a table; each figure is the median of fresh processes, taken in turns, so
that a noisy machine disturbs both alike. Goal: at most 1.3 x.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

LIBRARIES = "import pluggy, marshmallow, keyring, requests, sqlalchemy"
PLUGIN = """
import pluggy
from crm_comm_hookspecs import Communication, Settings
Communication(pluggy.PluginManager("host"), Settings(data_dir={folder!r}), entry_points=False)
"""
LAZY = ("phonenumbers", "babel", "alembic", "keyring.backends", "cryptography")
CONTRACT = "import sys, crm_comm_hookspecs; print(*sorted({m.split('.')[0] for m in sys.modules}))"


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs this code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        plugin = PLUGIN.format(folder=folder)
        seconds(LIBRARIES), seconds(plugin)  # caches of compiled files
        pairs = [(seconds(plugin), seconds(LIBRARIES), seconds("pass")) for _ in range(rounds)]
        loaded = plugin + f"\nimport sys; print(*[m for m in {LAZY!r} if m in sys.modules])"
        early = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    ratio = statistics.median(a / b for a, b, _ in pairs)
    for label, index in (("plugin loaded into a host", 0), ("the libraries alone", 1), ("an empty interpreter", 2)):
        print(f"{label:<28} {statistics.median(p[index] for p in pairs) * 1000:8.0f} ms")
    print(f"{'ratio (goal <= 1.3)':<28} {ratio:8.2f} x")
    print(f"{'loaded too early':<28} {early.stdout.strip() or 'nothing':>8}")


if __name__ == "__main__":
    main()
