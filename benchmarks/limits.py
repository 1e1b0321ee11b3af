"""The send limit against its goals and its peers: `python -m benchmarks.limits` prints a table, writes results.md."""

import sys
import tempfile
from pathlib import Path

from benchmarks import limits_files, limits_servers
from benchmarks.limits_measure import disk, machine, table

RESULTS = Path(__file__).with_name("results.md")
REASONS = """Ratios are medians of rounds that take turns; they move by a tenth from run to run.

What is not met, and why:

- SQLite, against a bare commit: ours is the same commit and the Python around it, so the ratio is that of this disk to
  this processor. When Python took 0.05 ms a call and a commit 0.25 ms, it was 0.87 x, 0.90 x and 0.49 x; at half that
  speed of the processor and with the same disk it is 0.6 to 0.7 x and 0.31 to 0.34 x.
- `allowance` on SQLite: the bare SELECT is a call into a library in the same process, a few microseconds. The two rows
  under it show the same row read and not understood: over the connection that the plugin has, and by SQLAlchemy, where
  the SELECT alone takes longer than a whole allowance. Decoding about 290 entries and making the answer's objects in
  Python each cost more than that SELECT. On PostgreSQL, where a SELECT is a round trip, it is met.
- pyrate-limiter on SQLite, n = 1 and 100, with little sent before: both wait for the disk. Made as safe as ours (FULL),
  it takes about twice as long as a bare commit, so nothing that keeps its word can be 4 times as fast. As it comes
  (NORMAL) it does not wait for the disk, and a power cut loses commits. With more sent before it counts more rows; ours
  does not.
- pyrate-limiter on PostgreSQL with little sent before: the same; it takes about 6 times as long as a bare UPDATE.
- limits on Redis: one durable write against one durable write. Ours runs at 0.75 to 0.9 of the speed of a bare UPDATE,
  which puts n = 1 a little below its goal, and the other two at their goals' edge.
"""


def main() -> int:
    """Measure everything; the table goes to the screen and into results.md."""
    with tempfile.TemporaryDirectory(prefix="comm-bench-") as folder:
        rows = [disk(), *limits_files.rows(Path(folder)), *limits_servers.rows(), disk()]
    text = f"{machine()}\n\n{table(rows)}\n\n{REASONS}"
    print(text)
    RESULTS.write_text(f"# Benchmarks of the send limit\n\nWritten by `make bench`. {text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
