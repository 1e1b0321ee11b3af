"""Floor 5: the command line `crm-comm`. Everything heavy is imported by the command that needs it."""

import sys
from importlib.util import find_spec

MISSING = "Error: The commands need Typer and Rich. Install them with: pip install 'crm-comm-plugin[cli]'\n"


def main() -> int:
    """The entry point: runs the command in `sys.argv` and answers its exit code."""
    if find_spec("typer") is None or find_spec("rich") is None:
        sys.stderr.write(MISSING)
        return 1
    from crm_comm_plugin.cli.app import run

    return run(sys.argv[1:])
