"""The send limit against its goals and its peers: `python -m benchmarks.limits` prints a table, writes results.md."""

import sys
import tempfile
from pathlib import Path

from benchmarks import limits_files, limits_servers
from benchmarks.limits_measure import disk, machine, table

RESULTS = Path(__file__).with_name("results.md")


def main() -> int:
    """Measure everything; the table goes to the screen and into results.md."""
    with tempfile.TemporaryDirectory(prefix="comm-bench-") as folder:
        rows = [disk(), *limits_files.rows(Path(folder)), *limits_servers.rows(), disk()]
    text = f"{machine()}\n\n{table(rows)}\n"
    print(text)
    RESULTS.write_text(f"# Benchmarks of the send limit\n\nWritten by `make bench`. {text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
