"""Send Me a Test: one real message to whoever asks, from what is typed; the send limit counts it."""

import email
import email.policy
from datetime import timedelta

import pytest

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, EmailMessage, Recipient, Settings
from tests.transports.servers import PASSWORD, USER, Script, Server

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
CLERK = Context(user="clerk", permissions=ALL_PERMISSIONS)
KIM = Context(user="kim@crm.example", permissions=ALL_PERMISSIONS)


@pytest.fixture
def comm(tmp_path, clock):
    settings = Settings(data_dir=str(tmp_path), secret_backend="database", clock=clock, smtp_timeout=5.0)
    with Communication.load(settings, entry_points=False) as comm:
        yield comm


@pytest.fixture
def server():
    running = Server()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def script():
    running = []

    def start(**steps) -> Script:
        running.append(Script(**steps))
        return running[-1]

    yield start
    for each in running:
        each.close()


def values(port, **more):
    known = {"account_name": "News", "server": "smtp", "host": "127.0.0.1", "port": port, "security": "none",
             "user": USER, "password": PASSWORD, "sign_in": "password"}  # fmt: skip
    return known | more


def open_values(port, **more):
    return values(port, user="", password="", sender="ann@example.com") | more


def saved(comm, typed):
    result = comm.save(CLERK, "email", "", typed)
    assert result.ok, result.errors
    return result.id


def tried(comm, key="", typed=None, context=CLERK):
    return comm.run(context, "send_test", (key,) if key else (), "email", typed or {})


def test_it_stands_beside_test_connection_for_whoever_may_edit(comm):
    for permissions, shown in ((ALL_PERMISSIONS, ["test_connection", "send_test"]), ({"communication.view"}, [])):
        context = Context(user="x", permissions=frozenset(permissions))
        (editor,) = [editor for editor in comm.editors(context) if editor.name == "email"]
        assert [action.name for action in editor.actions] == shown


def test_nobody_without_the_permission_sends_one(comm, server):
    context = Context(user="x", permissions=ALL_PERMISSIONS - {"communication.edit"})
    result = tried(comm, typed=values(server.port), context=context)
    assert (result.ok, "communication.edit" in result.message) == (False, True)
    assert server.sink.mails == []


def test_unsaved_values_send_one_message_to_the_sender(comm, server):
    result = tried(comm, typed=values(server.port))
    assert result.ok, result.message
    assert USER in result.message
    ((sender, to, raw),) = server.sink.mails
    assert (sender, to) == (USER, [USER])
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert found["subject"] == "Test message"
    assert PASSWORD not in str(found)
    assert comm.accounts(usable=False) == ()


def test_it_says_goodbye_after_the_message_too(comm, script):
    server = script()
    assert tried(comm, typed=open_values(server.port)).ok
    assert [server.connections, server.told.count("QUIT")] == [2, 2]


def test_it_goes_to_whoever_asks_where_the_host_knows_an_address(comm, server):
    result = tried(comm, typed=values(server.port), context=KIM)
    assert "kim@crm.example" in result.message
    assert [to for _, to, _ in server.sink.mails] == [["kim@crm.example"]]


def test_the_stored_password_is_used_and_the_limit_counts_it(comm, server):
    key = saved(comm, values(server.port, limitation="day", limitation_count=2))
    for used in (1, 2):
        assert tried(comm, key, {"password": ""}).ok
        assert (comm.allowance(key).used, comm.allowance(key).held) == (used, 0)
    assert [account.status for account in comm.accounts()] == ["connected"]
    result = tried(comm, key)
    assert not result.ok
    assert "limit" in result.message
    assert len(server.sink.mails) == 2


def test_nothing_free_says_when_the_test_can_go(comm, server, clock):
    key = saved(comm, values(server.port, limitation="hour", limitation_count=1))
    comm.send(key, EmailMessage(subject="Hi", text="x"), [Recipient("bob@example.org")], "k")
    again = comm.allowance(key).next_free_at
    result = tried(comm, key)
    assert not result.ok
    assert f"{again:%M}" in result.message
    assert len(server.sink.mails) == 1
    clock.forward(hours=1, seconds=1)
    assert tried(comm, key).ok


def test_a_count_of_none_blocks_the_test_too(comm, server):
    key = saved(comm, values(server.port, limitation="day", limitation_count=0))
    assert not tried(comm, key).ok
    assert server.sink.mails == []


def test_a_password_that_belongs_elsewhere_is_asked_for_and_goes_nowhere(comm, server, script):
    key = saved(comm, values(server.port))
    other = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=["235 ok"])
    result = tried(comm, key, {"port": other.port})
    assert "password" in result.errors
    assert other.told == []


def test_a_wrong_password_is_told_at_its_field_and_nothing_is_charged(comm, server):
    key = saved(comm, values(server.port, password="wrong-one", limitation="day", limitation_count=2))
    result = tried(comm, key)
    assert not result.ok
    assert "password" in result.errors
    assert "wrong-one" not in repr(result)
    assert result.message.startswith("Nothing was sent.")
    assert comm.allowance(key).used == comm.allowance(key).held == 0
    assert [account.status for account in comm.accounts(usable=False)] == ["auth_failed"]


def test_what_is_wrong_in_the_form_comes_first(comm, server):
    assert list(tried(comm, typed=values(server.port) | {"port": "x"}).errors) == ["port"]
    assert "sender" in tried(comm, typed=open_values(server.port, sender="")).errors


def test_an_account_that_is_switched_off_sends_nothing_until_it_is_on(comm, server):
    key = saved(comm, values(server.port, active=False, limitation="day", limitation_count=5))
    assert list(tried(comm, key).errors) == ["active"]
    assert server.sink.mails == []
    assert tried(comm, key, {"active": True}).ok
    assert comm.allowance(key).used == 1


@pytest.mark.parametrize(
    ("steps", "used", "level"),
    [
        ({"MAIL": ["250 ok", "250 ok"], "RCPT": ["250 ok", "550 5.1.1 no such user"]}, 0, "bad"),
        ({"DATA": ["554 5.7.1 no"]}, 1, "bad"),
        ({"CONTENT": ["554 5.7.1 spam"]}, 1, "bad"),
        ({"CONTENT": [Script.DROP]}, 1, "warn"),
    ],
)
def test_what_the_provider_may_have_counted_is_charged(comm, script, steps, used, level):
    server = script(**steps)
    key = saved(comm, open_values(server.port, limitation="day", limitation_count=5))
    result = tried(comm, key)
    assert (result.ok, result.level) == (False, level)
    assert "ann@example.com" in result.message
    assert (comm.allowance(key).used, comm.allowance(key).held) == (used, 0)


def test_a_provider_that_says_the_account_is_over_pauses_it(comm, script):
    server = script(RCPT=["250 ok", "550 5.4.5 Daily user sending limit exceeded"])
    key = saved(comm, open_values(server.port))
    assert "over its sending limit" in tried(comm, key).message
    assert [account.status for account in comm.accounts()] == ["paused"]
    told = len(server.told)
    result = tried(comm, key)
    assert not result.ok
    assert not any(command.startswith("DATA") for command in server.told[told:])


def test_a_process_that_dies_while_sending_leaves_it_counted(comm, script, clock, monkeypatch):
    from crm_comm_plugin.limits.limiter import LedgerLimiter

    def dies(self, reservation_id, used):
        raise KeyboardInterrupt

    key = saved(comm, open_values(script().port, limitation="day", limitation_count=5))
    monkeypatch.setattr(LedgerLimiter, "settle", dies)
    with pytest.raises(KeyboardInterrupt):
        tried(comm, key)
    monkeypatch.undo()
    assert comm.allowance(key).held == 1
    clock.forward(minutes=16)
    assert (comm.allowance(key).used, comm.allowance(key).held) == (1, 0)
    assert timedelta(0) < comm.allowance(key).full_at - clock() < timedelta(days=1)
