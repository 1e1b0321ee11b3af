"""The secret address for delivery reports: it reaches who sets the gateway up, by one button, and nobody else."""

import json
import re
from urllib.parse import quote

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    PERMISSION_EDIT,
    PERMISSION_VIEW,
    Communication,
    Context,
    Query,
    Recipient,
    Request,
    Settings,
    TextMessage,
    Unsupported,
    hookimpl,
    to_json,
)
from crm_comm_hookspecs.testing import FakeGateway

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
VIEWER = Context(user="vic", permissions=ALL_PERMISSIONS - {PERMISSION_EDIT})
BASE = "https://crm.example/communication"
ADDRESS = re.compile(rf"^{BASE}/receive/(\w+)/([\w-]{{22}})$", re.MULTILINE)


class Others:
    """Another plugin, whose gateway knows nothing of addresses."""

    __name__ = "others"

    @hookimpl
    def crm_comm_sms_gateways(self):
        return [FakeGateway("other")]


def loaded(database_url, tmp_path, **settings):
    folder = str(tmp_path / "data")
    known = {"database_url": database_url, "data_dir": folder, "secret_backend": "database", "sandbox": True}
    return Communication.load(Settings(**{**known, "base_url": BASE, **settings}))


@pytest.fixture
def comm(database_url, tmp_path):
    with loaded(database_url, tmp_path) as comm:
        comm.register(Others())
        yield comm


def account(comm, gateway="bulksms", code="id:secret", **values):
    known = {"account_name": gateway, "gateway": gateway, "country_code": "GB", "access_code": code, **values}
    saved = comm.save(ANN, "sms", "", known)
    assert saved.ok, saved.errors
    return saved.id


def button(comm, context=ANN):
    editor = next(e for e in comm.editors(context) if e.name == "sms")
    return next((a for a in editor.actions if a.name == "report_address"), None)


def test_who_sets_a_gateway_up_is_told_where_to_enter_which_address(comm):
    key = account(comm)
    told = comm.run(ANN, "report_address", (key,), "sms", {})
    assert told.ok
    assert "Webhooks" in told.message
    source, token = ADDRESS.search(told.message).groups()
    assert source == "bulksms"
    again = comm.run(ANN, "report_address", (key,), "sms", {})
    assert ADDRESS.search(again.message).groups() == (source, token)
    reply = comm.receive(Request(source=source, token=token, method="POST", url="", headers={}, body=b"[]"))
    assert reply.status == 200


def test_each_account_has_an_address_of_its_own_and_a_draft_has_none(comm):
    one, two = account(comm), account(comm, "clicksend", "user:key")
    tokens = {ADDRESS.search(comm.run(ANN, "report_address", (key,), "sms", {}).message)[2] for key in (one, two)}
    assert len(tokens) == 2
    draft = comm.run(ANN, "report_address", (), "sms", {"gateway": "bulksms"})
    assert not draft.ok
    assert "Save the account first" in draft.message


def test_the_button_is_there_only_where_there_is_something_to_enter(comm, database_url, tmp_path):
    assert set(button(comm).when["gateway"]) == {"bulksms", "clicksend", "vonage", "other"}
    assert button(comm, VIEWER) is None
    assert "Gateway other" in comm.run(ANN, "report_address", (account(comm, "other", "CODE12"),), "sms", {}).message
    with_each_text = comm.run(ANN, "report_address", (account(comm, "twilio", f"AC{'0' * 32}:token"),), "sms", {})
    assert not with_each_text.ok
    assert BASE not in with_each_text.message
    with loaded(database_url, tmp_path, base_url="") as nowhere:
        assert button(nowhere) is None
        assert not nowhere.run(ANN, "report_address", (account(nowhere, account_name="x"),), "sms", {}).ok


def test_a_gateway_without_reports_is_refused_by_name(comm):
    class Poor:
        __name__ = "poor"

        @hookimpl
        def crm_comm_sms_gateways(self):
            return [FakeGateway("poor", capabilities=())]

    comm.register(Poor())
    assert "poor" not in button(comm).when["gateway"]
    with pytest.raises(Unsupported, match="Gateway poor"):
        comm.run(ANN, "report_address", (account(comm, "poor", "CODE12"),), "sms", {})


def test_nobody_else_sees_it_nor_does_any_log_list_form_or_check(comm, caplog):
    caplog.set_level("DEBUG")
    key = account(comm)
    token = ADDRESS.search(comm.run(ANN, "report_address", (key,), "sms", {}).message)[2]
    assert f"'ann' was shown the delivery report address of account {key}" in caplog.text
    refused = comm.run(VIEWER, "report_address", (key,), "sms", {})
    assert not refused.ok
    shown = [
        refused,
        comm.open_record(ANN, "sms", key),
        comm.check(ANN, "sms", key, {}, ""),
        comm.save(ANN, "sms", key, {"active": True}, "*"),
        comm.list_rows(ANN, "accounts", Query()),
        comm.accounts(usable=False),
        *comm.editors(ANN),
        comm.preview(key, TextMessage("Hi"), [Recipient("07400 123456")]),
        comm.receive(Request(source="bulksms", token=token, method="POST", url="", headers={}, body=b"{")),
        comm.confirm(ANN, "delete", (key,)),
    ]
    assert token not in json.dumps([to_json(one) for one in shown])
    assert token not in repr(shown)
    assert token not in caplog.text
    assert quote(token) not in caplog.text


def test_only_viewing_is_not_enough(comm):
    key = account(comm)
    only = Context(user="vic", permissions=frozenset({PERMISSION_VIEW}))
    assert not comm.run(only, "report_address", (key,), "sms", {}).ok
