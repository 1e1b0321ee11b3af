"""The contract stands alone: pluggy, marshmallow and the standard library, in a process of its own."""

import subprocess
import sys

PROBE = """
import sys
before = set(sys.modules)
import crm_comm_hookspecs{extra}
tops = {{name.split('.')[0] for name in set(sys.modules) - before}}
foreign = sorted(t for t in tops if t not in sys.stdlib_module_names and not t.startswith('_'))
print(' '.join(foreign))
"""


def imported(extra: str = "") -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE.format(extra=extra)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_contract_imports_only_pluggy_and_marshmallow() -> None:
    assert imported() <= {"crm_comm_hookspecs", "pluggy", "marshmallow", "packaging", "typing_extensions"}


def test_its_fakes_and_suites_need_nothing_more() -> None:
    assert imported(".testing") <= {"crm_comm_hookspecs", "pluggy", "marshmallow", "packaging", "typing_extensions"}


def test_importing_starts_nothing() -> None:
    code = "import threading, crm_comm_hookspecs; assert threading.active_count() == 1"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
