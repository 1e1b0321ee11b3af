"""A forked process lets go of its parent's lines: else a server takes a parent that was killed for alive."""

import os
from contextlib import suppress
from typing import Any
from weakref import WeakSet

_ours: WeakSet[Any] = WeakSet()


def leave_to_parent(raw: Any) -> None:
    """After a fork the child has no part in this connection; what it may still do to it goes nowhere."""
    _ours.add(raw)


def _let_go() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for raw in _ours:
        with suppress(Exception):  # it is closed
            os.dup2(nowhere, raw.fileno(), inheritable=False)
    os.close(nowhere)
    _ours.clear()


# Once for the process, when this is imported: what is registered here can never be taken back.
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_let_go)
