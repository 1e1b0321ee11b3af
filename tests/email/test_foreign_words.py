"""What a foreign server says itself reaches only people who may edit accounts: anybody else gets our sentence alone."""

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountType,
    Communication,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    NotPermitted,
    Outcome,
    Query,
    Reason,
    Recipient,
    RecipientStatus,
    Settings,
    TransportError,
    hookimpl,
    to_json,
)
from crm_comm_hookspecs.schema import AccountSchema
from crm_comm_plugin.domain.sends import without_foreign_words
from tests.transports.servers import Script

SAID = "Bunny-Banner"
SENDER = Context(user="bob", permissions=ALL_PERMISSIONS - {"communication.edit"})
EDITOR = Context(user="ann", permissions=ALL_PERMISSIONS)
BANNER = {"GREETING": [f"220 {SAID} ESMTP"], "EHLO": [f"250-{SAID}\r\n250 SIZE 100000"]}


@pytest.fixture
def comm(tmp_path, clock):
    settings = Settings(data_dir=str(tmp_path), secret_backend="database", clock=clock, smtp_timeout=5.0)
    with Communication.load(settings, entry_points=False) as comm:
        yield comm


@pytest.fixture
def script():
    running = []

    def start(**steps) -> Script:
        running.append(Script(**{**BANNER, **steps}))
        return running[-1]

    yield start
    for each in running:
        each.close()


def saved(comm, port) -> str:
    values = {"account_name": "News", "server": "smtp", "host": "127.0.0.1", "port": port, "security": "none",
              "sender": "ann@example.com"}  # fmt: skip
    result = comm.save(EDITOR, "email", "", values)
    assert result.ok, result.errors
    return result.id


def send(comm, account, key="k"):
    people = [Recipient(f"p{n}@example.org") for n in range(3)]
    return comm.send(account, EmailMessage(subject="Hi", text="x"), people, key).send_id


@pytest.mark.parametrize(
    ("steps", "ours"),
    [
        ({"GREETING": [f"554 {SAID}"]}, "take mail now"),
        ({"GREETING": [f"421 4.3.2 Concurrent connections limit exceeded {SAID}"]}, "too many connections"),
        ({"MAIL": [f"550 5.7.1 {SAID} (not yours)"]}, "sender address"),
        ({"RCPT": [f"550 5.1.1 {SAID} (no such (user)"]}, "There is no such mailbox."),
        ({"RCPT": [f"450 4.2.1 {SAID}"]}, "The mailbox is switched off."),
        ({"RCPT": [f"550 5.4.5 Daily limit exceeded {SAID}"]}, "over its sending limit."),
        ({"DATA": [f"451 4.3.0 {SAID}"]}, "try again later."),
        ({"CONTENT": [f"554 5.7.1 {SAID}"]}, "The server refused the message."),
    ],
)
def test_outcomes(comm, script, steps, ours):
    account = saved(comm, script(**steps).port)
    send_id = send(comm, account)
    found = comm.outcomes(send_id, context=SENDER).outcomes
    assert len(found) == 3
    for outcome in found:
        assert ours in outcome.detail, outcome
        assert outcome.detail.endswith(".")
        assert SAID not in outcome.detail
    everything = to_json([comm.list_rows(SENDER, "accounts", Query()), comm.open_record(SENDER, "email", account),
                          comm.accounts(usable=False, context=SENDER), comm.allowance(account, context=SENDER),
                          comm.sends(context=SENDER), found])  # fmt: skip
    assert SAID not in str(everything)
    if not {"GREETING", "CONTENT"} & set(steps):
        for context in (EDITOR, None):
            assert SAID in comm.outcomes(send_id, context=context).outcomes[0].detail


def test_what_a_pause_remembers(comm, script):
    """The next send tells why the provider has closed the account, from what is stored."""
    account = saved(comm, script(RCPT=[f"550 5.4.5 Daily limit exceeded {SAID}"]).port)
    send(comm, account)
    shown = {who.user: str(comm.list_rows(who, "accounts", Query()).rows) for who in (SENDER, EDITOR)}
    assert (SAID in shown["bob"], SAID in shown["ann"]) == (False, True)
    assert "over its sending limit." in shown["bob"]
    send_id = send(comm, account, "later")
    assert all(SAID not in o.detail and o.detail for o in comm.outcomes(send_id, context=SENDER).outcomes)
    assert SAID in comm.outcomes(send_id).outcomes[0].detail


def test_actions_that_show_it_need_the_permission(comm, script):
    account = saved(comm, script(MAIL=[f"550 5.7.1 {SAID}"]).port)
    for action, editor in (("test", ""), ("test_connection", "email"), ("send_test", "email")):
        assert SAID in comm.run(EDITOR, action, (account,), editor, {}).message
        result = comm.run(SENDER, action, (account,), editor, {})
        assert (result.ok, SAID in str(result)) == (False, False)
    assert SAID not in str(comm.check(SENDER, "email", account, {}, "host"))
    with pytest.raises(NotPermitted):
        comm.outcomes("x", context=Context(user="eve", permissions=frozenset({"communication.view"})))


class Rude:
    """Another plugin's account type, whose service says things."""

    batch = 10

    def deliver(self, batch):
        (first, _), *_ = batch
        yield Outcome(recipient=first, status=RecipientStatus.FAILED, reason=Reason.REFUSED, detail=f"Busy ({SAID}).")
        raise TransportError(f"The line is down ({SAID}).", reason=Reason.UNREACHABLE)

    def diagnose(self):
        return Diagnosis(ok=True, steps=())

    def close(self) -> None: ...


class Plugin:
    @hookimpl
    def crm_comm_account_types(self):
        editor = Editor(name="rude", title="Rude", schema=AccountSchema)
        return [
            AccountType(key="rude", label="Rude", icon="", channel="rude", editor=editor, connect=lambda *a: Rude())
        ]


def test_accounts_of_other_plugins(comm):
    comm.register(Plugin(), "rude")
    account = comm.save(EDITOR, "rude", "", {"account_name": "R"}).id
    send_id = comm.send(account, EmailMessage(subject="Hi", text="x"), [Recipient("1"), Recipient("2")], "k").send_id
    assert next(o.detail for o in comm.outcomes(send_id).outcomes) == f"Busy ({SAID})."
    assert SAID not in str(comm.outcomes(send_id, context=SENDER).outcomes)
    assert comm.outcomes(send_id, context=SENDER).outcomes[0].detail == "Busy."


@pytest.mark.parametrize(
    ("detail", "shown"),
    [("Ours.", "Ours."), ("Ours. (theirs (x) y)", "Ours."), ("Ours (theirs)", "Ours."), ("", "The server refused this "
     "recipient."), ("(theirs)", "The server refused this recipient."), ("Ours? (a", "Ours?")],
)  # fmt: skip
def test_only_our_sentence_is_left(detail, shown):
    outcome = Outcome(
        recipient=Recipient("a@b.example"), status=RecipientStatus.FAILED, reason="refused", detail=detail
    )
    assert (without_foreign_words(outcome).detail or "The server refused this recipient.") == shown
