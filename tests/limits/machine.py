"""The send limit against an exact log: hypothesis acts, and what was SENT is what is judged."""

from collections import deque
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crm_comm_hookspecs import Limit, ReservationMismatch, UnknownReservation, Window
from crm_comm_plugin.domain import ledger
from crm_comm_plugin.domain.ledger import INSTALLATION
from crm_comm_plugin.domain.ledger_time import Reading

SECOND = 1_000_000
LENGTHS = {Window.MINUTE: 60 * SECOND, Window.HOUR: 3_600 * SECOND, Window.DAY: 86_400 * SECOND}
LONGEST_HOLD = 600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = [0, 1, SECOND // 3, 7 * SECOND, 25 * SECOND, 60 * SECOND - 1, 60 * SECOND, 600 * SECOND, 3_600 * SECOND]

hold_seconds = st.sampled_from([1, 30, LONGEST_HOLD])
limit_sets = st.dictionaries(st.sampled_from(sorted(LENGTHS)), st.integers(0, 12), min_size=1, max_size=2)


class World:
    """True time, and the clocks that show it. The wall may be set; ticks only stop with a reboot."""

    def __init__(self, ticking):
        self.true = 1_800_000_000 * SECOND
        self.ticking, self.boots, self.booted, self.skew, self.least = ticking, 1, 0, 0, 0
        self.first = None

    def read(self):
        wall = self.true + self.skew
        self.first = self.first if self.first is not None else wall - (self.true - self.booted)
        return Reading(wall, f"boot{self.boots}", self.true - self.booted) if self.ticking else Reading(wall)

    def reboot(self):
        """The wall is believed after a reboot, so it may then be behind, not ahead."""
        self.boots, self.booted, self.skew = self.boots + 1, self.true, min(self.skew, self.least)
        self.least, self.first = self.skew, None


class ExactLog:
    """What a book must answer: every entry kept, nothing merged. Times are the ledger's."""

    def __init__(self, world):
        self.world, self.now, self.boot, self.offset = world, 0, "", 0
        self.entries, self.holds, self.limits = {}, {}, {}
        self.crowded = False
        """There may be holds beside the book, which says of all of them only when the last one ends."""

    def wake(self):
        read = self.world.read()
        if read.boot and read.boot != self.boot:
            self.offset = max(self.world.first + read.ticks, self.now) - read.ticks
        self.boot = read.boot
        self.now = max(self.now, self.offset + read.ticks if read.boot else read.wall)
        self.expire()

    def expire(self):
        self.crowded = bool(self.holds) and (self.crowded or len(self.holds) > ledger.INLINE_HOLDS)
        for one, (until, _) in list(self.holds.items()):
            if until <= self.now:
                self.entries[one] = self.holds.pop(one)

    def glance(self):
        """A copy at this moment: who only looks moves nothing."""
        log = ExactLog(self.world)
        log.now, log.boot, log.offset, log.limits = self.now, self.boot, self.offset, self.limits
        log.entries, log.holds, log.crowded = dict(self.entries), dict(self.holds), self.crowded
        log.wake()
        return log

    def free(self):
        held = sum(units for _, units in self.holds.values())
        return min((max(0, n - held - self.used(window)) for window, n in self.limits.items()), default=10**9)

    def used(self, window):
        return sum(units for at, units in self.entries.values() if at > self.now - LENGTHS[window])

    def settle(self, id, used):
        if id in self.holds:
            del self.holds[id]
            self.entries[id] = (self.now, used)
        else:
            self.entries[id] = (self.entries[id][0], used)


class Hold:
    """A sender with a reservation."""

    def __init__(self, reservation, account, deadline, key):
        self.granted = max(0, reservation.granted)  # less than nothing, of a broken ledger, is nothing to a sender
        self.id, self.account, self.left, self.sent = reservation.id, account, self.granted, 0
        self.deadline, self.key, self.reservation = deadline, key, reservation
        self.used = None


class SendLimit(RuleBasedStateMachine):
    """make_ledger(read, ceiling) gives the ledger to try. exact: nothing is merged, so that every grant is known."""

    make_ledger = None
    exact = True
    trusting = False
    """Judge what was sent only, not what was answered."""
    numbers = count()

    @initialize(first=limit_sets, second=limit_sets, ceiling=st.none() | st.integers(3, 20), ticking=st.booleans())
    def start(self, first, second, ceiling, ticking):
        self.world = World(ticking)
        self.ceiling = None if ceiling is None else Limit(ceiling, Window.HOUR)
        self.ledger = type(self).make_ledger(self.world.read, self.ceiling)
        self.accounts = [f"{next(self.numbers):032x}" for _ in range(2)]
        self.logs = {one: ExactLog(self.world) for one in (*self.accounts, INSTALLATION)}
        self.holds, self.sent = [], deque()
        self.history = {one: [] for one in self.logs}
        self.change(0, first)
        self.change(1, second)
        self.logs[INSTALLATION].limits = {Window.HOUR: ceiling} if ceiling is not None else {}
        self.history[INSTALLATION].append((0, self.logs[INSTALLATION].limits))
        self.first_use_in_this_boot()

    def limits(self, account):
        return [Limit(n, window) for window, n in self.logs[account].limits.items()]

    @rule(which=st.integers(0, 1), chosen=limit_sets)
    def change(self, which, chosen):
        account = self.accounts[which]
        self.logs[account].limits = chosen
        self.history[account].append((self.world.true, chosen))

    @rule(
        which=st.integers(0, 1),
        units=st.integers(1, 9),
        seconds=st.sampled_from([1, 30, LONGEST_HOLD]),
        keyed=st.booleans(),
    )
    def reserve(self, which, units, seconds, keyed):
        account = self.accounts[which]
        key = f"key{sum(h.account == account for h in self.holds)}" if keyed else ""  # two accounts use the same ones
        self.wake(account)
        expected = min(units, *(self.logs[one].free() for one in self.charged(account)))
        found = self.ledger.reserve(account, self.limits(account), units, key=key, hold_seconds=seconds).reservation
        if not self.trusting:
            assert 0 <= found.granted <= expected, f"{found.granted} granted, {expected} are free"
            assert not self.exact or found.granted == expected, f"{found.granted} granted, {expected} are free"
            assert (found.retry_at is None) == (found.granted == units) or 0 in self.counts(account), "no retry_at"
        for one in self.charged(account) if found.granted else ():
            self.logs[one].holds[found.id] = (self.logs[one].now + seconds * SECOND, found.granted)
        if found.granted or keyed:
            self.holds.append(Hold(found, account, self.world.true + seconds * SECOND, (key, units) if keyed else None))

    @rule(which=st.integers(0, 1), times=st.integers(2, 9), step=st.sampled_from(STEPS[:6]), slow=st.booleans())
    def work(self, which, times, step, slow):
        """A sender that does as it should, one at a time; a slow one sends at the end of its first hold."""
        for n in range(times):
            before = len(self.holds)
            self.reserve(which, 1, LONGEST_HOLD, keyed=False)
            for hold in self.holds[before:]:
                self.world.true = hold.deadline - 1 if slow and n == 0 else self.world.true
                self.deliver(hold, hold.left)
                self.settled(hold, hold.sent)
            self.world.true += step

    def wake(self, account):
        for one in self.charged(account):
            self.logs[one].wake()

    def charged(self, account):
        return (account,) if self.ceiling is None else (INSTALLATION, account)

    def counts(self, account):
        return [n for one in self.charged(account) for n in self.logs[one].limits.values()]

    def chosen(self, data, holds):
        return data.draw(st.sampled_from(list(holds)))

    def senders(self):
        return [h for h in self.holds if h.used is None and h.left and h.deadline >= self.world.true]

    @precondition(lambda self: self.senders())
    @rule(data=st.data(), most=st.booleans())
    def send(self, data, most):
        hold = self.chosen(data, self.senders())
        self.deliver(hold, hold.left if most else 1)

    @precondition(lambda self: self.senders())
    @rule(data=st.data())
    def send_at_the_last_moment(self, data):
        hold = self.chosen(data, self.senders())
        self.world.true = hold.deadline
        self.deliver(hold, hold.left)

    def deliver(self, hold, units):
        hold.left -= units
        hold.sent += units
        self.sent.append((self.world.true, hold.account, units))
        for account in (hold.account, INSTALLATION):
            self.judge(account)

    def judge(self, account):
        """Of the reservations that sent inside a window, the last was granted only if all fitted in its count."""
        now = self.world.true
        for window, length in LENGTHS.items():
            arrived = sum(n for at, to, n in self.sent if at > now - length and account in (to, INSTALLATION))
            allowed = self.allowed(account, window, now - length - LONGEST_HOLD * SECOND)
            assert arrived <= allowed, f"{arrived} were sent in a {window}, {allowed} are allowed"

    def allowed(self, account, window, since):
        history = self.history[account]
        ends = [at for at, _ in history[1:]] + [10**18]
        return max(chosen.get(window, 10**9) for (_, chosen), end in zip(history, ends, strict=True) if end >= since)

    @precondition(lambda self: any(h.used is None for h in self.holds))
    @rule(data=st.data(), more=st.booleans())
    def settle(self, data, more):
        hold = self.chosen(data, (h for h in self.holds if h.used is None))
        self.settled(hold, data.draw(st.integers(hold.sent, hold.granted)) if more else hold.sent)

    def settled(self, hold, used):
        hold.used = used
        self.wake(hold.account)
        with suppress(UnknownReservation, ReservationMismatch) if self.trusting else nullcontext():
            self.ledger.settle(hold.id, hold.used)
        for one in self.charged(hold.account) if hold.granted else ():
            self.logs[one].settle(hold.id, hold.used)

    @precondition(lambda self: any(h.key for h in self.holds))
    @rule(data=st.data())
    def repeat(self, data):
        hold = self.chosen(data, (h for h in self.holds if h.key))
        key, units = hold.key
        again = self.ledger.reserve(hold.account, self.limits(hold.account), units, key=key).reservation
        self.wake(hold.account)
        assert (again.replayed, again.id, again.granted) == (True, hold.id, hold.reservation.granted)
        if hold.used is not None:
            self.ledger.settle(hold.id, hold.used)

    @rule(step=st.sampled_from(STEPS))
    def wait(self, step):
        self.world.true += step

    @precondition(lambda self: any(log.entries or log.holds for log in self.logs.values()))
    @rule(data=st.data(), window=st.sampled_from(sorted(LENGTHS)), off=st.integers(-1, 1))
    def wait_until_something_returns(self, data, window, off):
        log = self.chosen(data, (log for log in self.logs.values() if log.entries or log.holds))
        at = self.chosen(data, [at for at, _ in log.entries.values()] + [until for until, _ in log.holds.values()])
        log = log.glance()
        self.world.true += max(0, at + LENGTHS[window] + off - log.now)

    @rule(back=st.sampled_from([SECOND, 90 * SECOND, 7_200 * SECOND]))
    def wall_steps_back(self, back):
        self.world.skew -= back
        self.world.least = min(self.world.least, self.world.skew)

    @precondition(lambda self: self.world.ticking)
    @rule(ahead=st.sampled_from([SECOND, 90 * SECOND, 7_200 * SECOND, 10**6 * SECOND]))
    def wall_steps_ahead(self, ahead):
        self.world.skew += ahead

    @precondition(lambda self: self.world.ticking)
    @rule()
    def machine_reboots(self):
        self.world.reboot()
        self.first_use_in_this_boot()

    def first_use_in_this_boot(self):
        self.ledger.reopen(self.accounts[0])
        self.logs[self.accounts[0]].wake()

    @invariant()
    def the_answer_is_that_of_an_exact_log(self):
        if self.trusting or not hasattr(self, "accounts"):
            return
        account = self.accounts[0]
        answer = self.ledger.allowances({account: self.limits(account)})[account]
        free = min(self.logs[one].glance().free() for one in self.charged(account))
        assert 0 <= answer.remaining <= free, f"{answer.remaining} remain, {free} are free"
        assert not self.exact or answer.remaining == free, f"{answer.remaining} remain, {free} are free"
        waits = answer.remaining == 0 and 0 not in self.counts(account)
        assert waits == (answer.next_free_at is not None), "next_free_at is there when nothing is free"
        if answer.next_free_at is not None and self.ceiling is None:
            self.assert_it_comes_true(self.logs[account].glance(), answer.next_free_at)

    def assert_it_comes_true(self, log, next_free_at):
        """At that time one fits for sure; where all that is held is in the book, not a microsecond earlier."""
        crowded = log.crowded
        shift = self.world.true + self.world.skew - log.now if self.world.ticking else 0
        log.now = (next_free_at - EPOCH) // timedelta(microseconds=1) - shift
        log.expire()
        assert log.free() > 0, "nothing is free at next_free_at"
        log.now -= 1
        guess = crowded or bool(log.holds) or any(at > log.now for at, _ in log.entries.values())
        assert guess or not self.exact or log.free() == 0, "next_free_at is late"
