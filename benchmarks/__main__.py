"""Run all benchmarks, or those named: `python -m benchmarks [NAME ...]`. Each prints a table; exit 1 if one failed."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """One after the other, each in a process of its own, so that none warms up the next."""
    there = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if "def main(" in p.read_text(encoding="utf-8"))
    wanted = sys.argv[1:] or [name for name in there if name != "__main__"]
    failed = []
    for name in wanted:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
