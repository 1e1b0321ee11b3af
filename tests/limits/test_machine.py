"""The state machine over every store, and over a log that merges all the time."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from crm_comm_plugin.domain import ledger
from crm_comm_plugin.domain.ledger import ANCHORS, INSTALLATION
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.upgrade import ensure_schema
from tests.limits.lanes import lane, merge_early
from tests.limits.machine import SendLimit
from tests.limits.memory_ledger import MemoryLedger


class OverMemory(SendLimit):
    make_ledger = MemoryLedger


class Merging(OverMemory):
    exact = False


def examples(quick, long):
    """So many at once, and so many in the lane for long tests, which CI runs too."""
    marks = (pytest.mark.slow, pytest.mark.timeout(1_500))
    return pytest.mark.parametrize("examples", [quick, pytest.param(long, marks=marks)])


@examples(100, long=2000)
def test_over_memory(examples):
    run_state_machine_as_test(OverMemory, settings=lane(examples, stateful_step_count=40))


@examples(60, long=1000)
def test_with_holds_beside_the_book(monkeypatch, examples):
    monkeypatch.setattr(ledger, "INLINE_HOLDS", 1)
    run_state_machine_as_test(OverMemory, settings=lane(examples, stateful_step_count=40))


@examples(100, long=1000)
def test_while_entries_are_merged(monkeypatch, examples):
    merge_early(monkeypatch)
    run_state_machine_as_test(Merging, settings=lane(examples, stateful_step_count=60))


@examples(8, long=2000)
def test_over_each_database(database_url, examples):
    database = Database(database_url, on_open=ensure_schema)

    class OverDatabase(SendLimit):
        @staticmethod
        def make_ledger(read, ceiling):
            ledger = SqlLedger(database, read, ceiling)
            ledger.forget([INSTALLATION, ANCHORS])
            return ledger

    run_state_machine_as_test(OverDatabase, settings=lane(examples, stateful_step_count=25))
    database.close()
