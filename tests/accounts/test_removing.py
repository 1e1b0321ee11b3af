"""Deleting: guarded, taken back at once or within 30 days, then forgotten with its secrets."""

from crm_comm_hookspecs import Query, Usage
from tests.accounts.world import ALICE, BOB, CUSTOM, GMAIL


def names(world, **query):
    return [row.cells["name"] for row in world.accounts.list_rows(ALICE, Query(**query)).rows]


def test_the_question_names_accounts_and_what_uses_them(world):
    one, two = world.saved(GMAIL), world.saved({**CUSTOM, "account_name": "Sales"})
    world.events.usages[one] = (Usage("Campaign Spring", blocking=False), Usage("Workflow Welcome"))
    question = world.accounts.confirm(ALICE, "delete", (one, two), "", {})
    assert (question.yes, question.no) == ("Yes", "No")
    assert "2 accounts" in question.title
    for text in ("“News” and “Sales”", "Campaign Spring", "Workflow Welcome", "30 days"):
        assert text in question.text
    assert world.accounts.confirm(ALICE, "restore", (one,), "", {}) is None


def test_what_blocks_stops_the_delete_of_all(world):
    one, two = world.saved(GMAIL), world.saved({**CUSTOM, "account_name": "Sales"})
    world.events.usages[two] = (Usage("Workflow Welcome"),)
    result = world.run("delete", (one, two))
    assert not result.ok
    assert "“Sales” is used by Workflow Welcome" in result.errors[""][0]
    assert names(world) == ["News", "Sales"]
    world.events.usages[two] = (Usage("Campaign Spring", blocking=False),)
    assert world.run("delete", (one, two)).ok


def test_undo_takes_it_back_once(world):
    one, two = world.saved(GMAIL), world.saved({**CUSTOM, "account_name": "Sales"})
    result = world.run("delete", (one, two))
    assert result.message == "“News” and “Sales” were deleted."
    assert names(world) == []
    assert world.run("undo", (result.undo,)).ok
    assert names(world) == ["News", "Sales"]
    assert not world.run("undo", (result.undo,)).ok
    assert world.events.kinds == ["created", "created", "deleted", "deleted", "restored", "restored"]
    assert world.run("test", (one,)).ok


def test_undo_reaches_as_far_back_as_restore(world):
    key = world.saved(GMAIL)
    gone = world.run("delete", (key,))
    world.clock.forward(days=30, seconds=1)
    for action, about in (("restore", key), ("undo", gone.undo)):
        assert "nothing to bring back" in world.run(action, (about,)).message
    assert names(world) == []


def test_nothing_is_asked_where_nothing_is_left_to_delete(world):
    key = world.saved(GMAIL)
    world.run("delete", (key,))
    assert world.accounts.confirm(ALICE, "delete", (key,), "", {}) is None
    assert "nothing to delete" in world.run("delete", (key,)).message


def test_undo_leaves_a_later_delete_alone(world):
    key = world.saved(GMAIL)
    first = world.run("delete", (key,))
    world.run("restore", (key,))
    world.clock.forward(seconds=5)
    world.run("delete", (key,), context=BOB)
    assert not world.run("undo", (first.undo,)).ok
    assert names(world) == []


def test_a_deleted_name_is_free_and_restoring_into_it_is_an_error(world):
    old = world.saved(GMAIL)
    world.run("delete", (old,))
    world.saved(GMAIL)
    for action in ("restore",):
        result = world.run(action, (old,))
        assert list(result.errors) == ["account_name"]
        assert "“News”" in result.errors["account_name"][0]
    assert names(world, deleted=True) == ["News"]


def test_of_several_those_that_can_come_back_do(world):
    one, two = world.saved(GMAIL), world.saved({**CUSTOM, "account_name": "Sales"})
    gone = world.run("delete", (one, two))
    world.saved(GMAIL)
    result = world.run("undo", (gone.undo,))
    assert not result.ok
    assert "“Sales” is back" in result.message
    assert names(world) == ["News", "Sales"]


def test_after_30_days_it_is_gone_for_good(world):
    key = world.saved(GMAIL)
    world.run("delete", (key,))
    world.clock.forward(days=30)
    assert world.accounts.sweep() == 0
    assert names(world, deleted=True) == ["News"]
    world.clock.forward(seconds=1)
    assert names(world, deleted=True) == []
    assert not world.run("restore", (key,)).ok
    assert world.accounts.sweep() == 1
    assert world.secrets.kept == {}
    assert world.store.find(key, deleted=True) is None
    assert world.store.history(key)


def test_deleting_twice_says_so(world):
    key = world.saved(GMAIL)
    assert world.run("delete", (key,)).ok
    again = world.run("delete", (key,))
    assert not again.ok
    assert again.refresh
    assert world.store.history(key)[0].user == "alice"
