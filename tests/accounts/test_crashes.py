"""A process that dies between any two steps of a save leaves the account working, with the old or the new secret."""

import pytest

from crm_comm_hookspecs import StorageUnavailable
from tests.accounts.world import ALICE, CUSTOM


class Died(BaseException):
    """The process is gone: nothing after this point runs, no clean-up either."""


class Mortal:
    """A part that works until its n-th call: then it dies before or after doing it. All parts share one count."""

    def __init__(self, part, life, calls) -> None:
        self._part, self._life, self._calls = part, life, calls

    def __getattr__(self, name):
        method = getattr(self._part, name)

        def call(*args, **kwargs):
            self._calls.append(name)
            if self._life == (len(self._calls), "before"):
                raise Died
            answer = method(*args, **kwargs)
            if self._life == (len(self._calls), "after"):
                raise Died
            return answer

        return call


def dying(world, life, calls):
    return world.make(
        store=Mortal(world.store, life, calls),
        secrets=Mortal(world.secrets, life, calls),
        events=Mortal(world.events, life, calls),
    )


def steps_of(world, act):
    calls = []
    act(dying(world, (0, ""), calls))
    return len(calls)


def lives(world, act):
    count = steps_of(world, act)
    assert count >= 4
    return [(n, when) for n in range(1, count + 1) for when in ("before", "after")]


def test_a_new_account_is_there_with_its_secret_or_not_at_all(world):
    def create(accounts, name="Probe"):
        return accounts.save(ALICE, "email", "", {**CUSTOM, "account_name": name}, "")

    for life in lives(world, create):
        name = f"News {life[0]} {life[1]}"
        with pytest.raises(Died):
            create(dying(world, life, []), name)
        found = [a for a in world.store.all() if a.name == name]
        if found:
            assert world.run("test", (found[0].id,)).ok
        else:
            assert create(world.accounts, name).ok
        world.accounts.sweep()
        assert set(world.secrets.kept) == world.store.secret_refs()


def test_a_changed_account_works_with_the_old_or_the_new_secret(world):
    key = world.saved(CUSTOM)
    places = {"a": "smtp.acme.example", "b": "mail.acme.example"}
    turn = iter("ba" * 100)

    def change(accounts):
        values = {"host": places[next(turn)], "password": "s3cret-canary-2"}
        return accounts.save(ALICE, "email", key, values, world.record(key).version)

    for life in lives(world, change):
        before = world.record(key).values["host"]
        with pytest.raises(Died):
            change(dying(world, life, []))
        after = world.record(key).values["host"]
        world.lines.clear()
        assert world.run("test", (key,)).ok
        assert world.lines == [(f"{after}:587/starttls", {"password": "s3cret-canary-2"})]
        assert {before, after} <= set(places.values())
        world.accounts.sweep()
        assert set(world.secrets.kept) == world.store.secret_refs()
        if after == before:
            next(turn)


def test_a_database_that_may_have_stored_it_keeps_the_new_secret(world):
    key = world.saved(CUSTOM)

    class Unsure(Mortal):
        def update(self, *args, **kwargs):
            self._part.update(*args, **kwargs)
            raise StorageUnavailable("The database server cannot be reached.")

    accounts = world.make(store=Unsure(world.store, (0, ""), []))
    with pytest.raises(StorageUnavailable):
        accounts.save(ALICE, "email", key, {"password": "s3cret-canary-2", "host": "mail.acme.example"}, "1")
    assert world.run("test", (key,)).ok
    world.accounts.sweep()
    assert world.run("test", (key,)).ok


def test_a_refused_save_leaves_no_secret_behind(world):
    world.saved(CUSTOM)

    class Racing(Mortal):
        def name_owner(self, key):
            return ""

    accounts = world.make(store=Racing(world.store, (0, ""), []))
    result = accounts.save(ALICE, "email", "", CUSTOM, "")
    assert list(result.errors) == ["account_name"]
    assert len(world.secrets.kept) == 1


def test_an_old_secret_that_cannot_be_removed_now_goes_with_the_sweep(world):
    key = world.saved(CUSTOM)

    class Stuck(Mortal):
        def remove(self, ref):
            raise StorageUnavailable("Not now.")

    accounts = world.make(secrets=Stuck(world.secrets, (0, ""), []))
    assert accounts.save(ALICE, "email", key, {"password": "s3cret-canary-3"}, "1").ok
    assert len(world.secrets.kept) == 2
    assert world.accounts.sweep() == 1
    assert list(world.secrets.kept.values()) == ["s3cret-canary-3"]
