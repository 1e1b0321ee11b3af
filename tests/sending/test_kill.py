"""A sender that is killed at any instant: the same key goes on at once, and everybody is accounted for."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from crm_comm_hookspecs import RecipientStatus, SendInProgress
from crm_comm_plugin.storage.locks import SqlSendLocks
from tests.sending.senders import MESSAGE, account_of, opened, people, reached

COUNT, BATCH = 3_000, 20
SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus


def started(url, log, count=COUNT):
    command = [sys.executable, "-m", "tests.sending.senders", url, str(log), str(count), str(BATCH)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def killed_after(process, seconds):
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def outcomes_of(comm, send_id):
    found, after = [], ""
    while True:
        page = comm.outcomes(send_id, after=after)
        found += page.outcomes
        after = page.next
        if not after:
            return found


def check(comm, account, log, kills):
    report = comm.send(account, MESSAGE, people(COUNT), key="k")
    assert report.finished
    assert sum(report.counts.values()) == COUNT
    outcomes = {o.recipient.address: o.status for o in outcomes_of(comm, report.send_id)}
    assert len(outcomes) == COUNT
    assert Counter(outcomes.values()) == report.counts
    times = Counter(reached(log))
    assert set(times) <= set(outcomes)
    assert max(times.values()) == 1
    unknown = {address for address, status in outcomes.items() if status == UNKNOWN}
    assert {address for address, status in outcomes.items() if status == SENT} <= set(times)
    assert set(outcomes) - unknown <= set(times)
    assert len(unknown) <= BATCH * kills
    used = comm.allowance(account).used
    assert len(times) <= used <= COUNT
    assert used == report.counts[SENT] + report.counts.get(UNKNOWN, 0)


def test_killed_senders_lose_nobody_and_reach_nobody_twice(database_url, tmp_path):
    log = tmp_path / "reached"
    with opened(database_url, log) as comm:
        account = account_of(comm, limitation="day", limitation_count=1_000_000)
        for _ in range(4):
            killed_after(started(database_url, log), random.uniform(0.01, 0.25))
        check(comm, account, log, kills=4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills(database_url, tmp_path):
    log = tmp_path / "reached"
    with opened(database_url, log) as comm:
        account = account_of(comm, limitation="day", limitation_count=1_000_000)
        for _ in range(50):
            killed_after(started(database_url, log, COUNT), random.uniform(0.0, 0.12))
        check(comm, account, log, kills=50)


def test_two_processes_cannot_run_one_send(database_url, tmp_path):
    log = tmp_path / "reached"
    with opened(database_url, log) as comm:
        account = account_of(comm)
        process = started(database_url, log, 30_000)
        try:
            while not reached(log):
                time.sleep(0.01)
            with pytest.raises(SendInProgress):
                comm.send(account, MESSAGE, people(COUNT), key="k")
            other = comm.send(account, MESSAGE, people(5), key="another")
            assert other.counts == {SENT: 5}
            (running,) = comm.sends(key="k").sends
            assert not running.finished
            stopped = comm.cancel(running.send_id)
            process.wait(60)
            (stopped,) = comm.sends(key="k").sends
            assert stopped.counts[SKIPPED] > 0
            assert sum(stopped.counts.values()) == 30_000
            assert not stopped.finished
        finally:
            killed_after(process, 0)


def test_cancelling_a_dead_send_gives_everybody_an_outcome(database_url, tmp_path):
    log = tmp_path / "reached"
    with opened(database_url, log) as comm:
        account = account_of(comm, limitation="day", limitation_count=1_000_000)
        process = started(database_url, log, 30_000)
        while not reached(log):
            time.sleep(0.01)
        killed_after(process, 0.1)
        (dead,) = comm.sends(key="k").sends
        report = comm.cancel(dead.send_id)
        assert not report.finished
        counts = Counter(o.status for o in outcomes_of(comm, report.send_id))
        assert counts == report.counts
        assert comm.allowance(account).held == 0
        assert comm.allowance(account).used == report.counts[SENT] + report.counts.get(UNKNOWN, 0)


def test_a_helper_that_was_forked_during_a_send_keeps_nothing_of_it(database, database_url):
    """It lives on when its parent is killed; a server must not take it for the parent."""
    database.engine()
    command = [sys.executable, "-m", "tests.sending.forking", database_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    helper = int(process.stdout.readline())
    try:
        with pytest.raises(SendInProgress), SqlSendLocks(database).hold("s"):
            pass
        killed_after(process, 0)
        with SqlSendLocks(database).hold("s"):
            os.kill(helper, 0)
    finally:
        os.kill(helper, signal.SIGKILL)
