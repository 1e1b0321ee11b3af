"""The whole story through the contract: buy, code, paste, activate, send, run out, buy again, send to the skipped."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Communication,
    Context,
    Query,
    Recipient,
    Request,
    Settings,
    TextMessage,
)
from crm_comm_plugin.transports.sms.bulksms import BulkSms
from crm_comm_plugin.transports.sms.credits_codes import signature
from tests.sms.gateways_under_test import bulksms

ANN = Context(user="ann", permissions=ALL_PERMISSIONS, region="GB")
BASE = "https://crm.example/communication"


@pytest.fixture
def comm(database_url, tmp_path):
    settings = Settings(
        database_url=database_url,
        data_dir=str(tmp_path / "data"),
        secret_backend="database",
        base_url=BASE,
        sandbox=True,
        http_timeout=2.0,
    )
    with Communication.load(settings) as comm:
        yield comm


@pytest.fixture
def form(world):
    return {
        "account_name": "Texts",
        "gateway": "credits",
        "gateway_url": world.url,
        "country_code": "GB",
        "sender_id": "CRM",
        "active": True,
    }


def save(comm, values, id=""):
    result = comm.save(ANN, "sms", id, values, "*" if id else "")
    assert result.ok, (result.message, result.errors)
    return result.id or id


def people(count):
    return [Recipient(f"07400 123{n:03}", name=f"P{n}") for n in range(count)]


def counts(report):
    return {str(status): number for status, number in report.counts.items() if number}


def test_from_the_first_credit_to_the_last(comm, world, form):
    bought = comm.run(ANN, "purchase_credits", (), "sms", form)
    assert bought.open_url == "https://gateway.example/pay/0", (bought.message, bought.errors)
    assert comm.run(ANN, "purchase_credits", (), "sms", form).open_url == bought.open_url
    code = world.pay("ord_0", 7)
    key = next(iter(world.by_key))
    back = comm.callback(ANN, {"purchase": key})
    assert "7 credits" in back.message

    pasted = {**form, "access_code": f"{code[:4]}-{code[4:8]} {code[8:]}".lower()}
    active = comm.run(ANN, "activate", (), "sms", pasted)
    assert active.ok, (active.message, active.errors)
    account = save(comm, pasted)
    assert comm.run(ANN, "refresh_credits", (account,)).message.startswith("Only 7 credits left")

    preview = comm.preview(account, TextMessage("Hello ✓"), people(10))
    assert (preview.total, preview.now, preview.rejected) == (10, 7, {"credits": 3})  # as the send below
    assert (preview.text.encoding, preview.text.forced_by, preview.credits) == ("UCS-2", "✓", Decimal(10))
    long = comm.preview(account, lambda r: TextMessage("a" * 161), people(4))
    assert (long.now, long.rejected, long.credits) == (3, {"credits": 1}, Decimal(8))
    typed = comm.preview(account, TextMessage("a" * 161), ())  # what an editor shows while somebody writes
    assert (typed.total, typed.now, typed.text.segments, typed.credits) == (0, 0, 2, None)
    assert comm.preview(account, lambda r: TextMessage("a"), ()).text is None

    report = comm.send(account, TextMessage("Hello"), people(10), key="camp-1", campaign="Spring")
    assert counts(report) == {"sent": 7, "skipped": 3}
    skipped = comm.outcomes(report.send_id, "skipped").outcomes
    assert {o.reason for o in skipped} == {"credits"}
    (row,) = comm.list_rows(ANN, "accounts", Query()).rows
    assert row.cells["status"].text == "No credits"

    again = comm.run(ANN, "purchase_credits", (account,), "sms", {})
    assert again.open_url == "https://gateway.example/pay/1"  # the order before is used, so this is a new one
    assert world.pay("ord_1", 50) == ""  # the working code is topped up
    newest = next(key for key, order in world.by_key.items() if order == "ord_1")
    assert "can be used now" in comm.callback(ANN, {"purchase": newest}).message

    report = comm.send(account, TextMessage("Hello"), people(10), key="camp-1", campaign="Spring")
    assert counts(report) == {"sent": 10}
    assert len(world.sent) == len({to for _, to, _ in world.sent}) == 10
    assert world.balance[code] == Decimal(47)
    (row,) = comm.list_rows(ANN, "accounts", Query()).rows
    assert row.cells["status"].text == "Connected"


def deliveries(comm, report):
    return {o.recipient.address: (str(o.status), o.delivery) for o in comm.outcomes(report.send_id).outcomes}


def post(comm, world, url, code, *reports, header=None):
    body = json.dumps({"reports": list(reports)}).encode()
    source, token = url.removeprefix(f"{BASE}/receive/").split("/")
    headers = {"x-credits-signature": signature(body, code, 1) if header is None else header}
    return comm.receive(Request(source=source, token=token, method="POST", url=url, headers=headers, body=body))


def told(ref, to, delivery):
    return {"id": ref, "to": to, "delivery": delivery, "at": "2026-11-24T10:00:05Z"}


@pytest.fixture
def sent(comm, world, form):
    """(account, report of a send to three, its report URL, references by number)."""
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    report = comm.send(account, TextMessage("Hello"), people(3), key="camp-1")
    url = json.loads([s for s in world.server.seen if s.path.endswith("/messages")][-1].body)["report_url"]
    return account, report, url, {to: ref for ref, to, _ in world.sent}


def test_reports_late_doubled_and_in_any_order(comm, world, sent):
    _, report, url, refs = sent
    first, second, third = sorted(refs)
    assert post(comm, world, url, "S3CRETC0DE1", told(refs[first], first, "delivered")).status == 200
    assert post(comm, world, url, "S3CRETC0DE1", told(refs[first], first, "delivered")).status == 200
    late = [told(refs[first], first, "undelivered"), told(refs[second], second, "undelivered")]
    assert post(comm, world, url, "S3CRETC0DE1", *late).status == 200
    unknown = [told("nosuch", "+447400999999", "delivered"), told("", "", "delivered")]
    assert post(comm, world, url, "S3CRETC0DE1", *unknown).status == 200
    assert deliveries(comm, report) == {
        first: ("sent", "delivered"),
        second: ("sent", "undelivered"),
        third: ("sent", ""),
    }


def test_who_was_refused_and_is_reported_all_the_same(comm, world, form):
    """Whom the gateway says it has delivered to is not sent to again; one who was refused for good stays so."""
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    world.reject = {"+447400123000": "refused", "+447400123001": "unreachable"}
    report = comm.send(account, TextMessage("Hello"), people(2), key="camp-1")
    assert counts(report) == {"failed": 1, "skipped": 1}
    body = json.loads([s for s in world.server.seen if s.path.endswith("/messages")][-1].body)
    reports = [told(message["id"], message["to"], "delivered") for message in body["messages"]]
    assert post(comm, world, body["report_url"], "S3CRETC0DE1", *reports).status == 200
    assert deliveries(comm, report) == {"+447400123000": ("failed", ""), "+447400123001": ("sent", "delivered")}
    world.reject = {}
    assert counts(comm.send(account, TextMessage("Hello"), people(2), key="camp-1")) == {"failed": 1, "sent": 1}
    assert world.sent == []


def test_forged_reports_change_nothing(comm, world, sent):
    _, report, url, refs = sent
    number = min(refs)
    real = told(refs[number], number, "delivered")
    before = deliveries(comm, report)
    assert post(comm, world, url, "WRONGCODE", real).status == 404
    assert post(comm, world, url, "S3CRETC0DE1", real, header="").status == 404
    assert post(comm, world, f"{BASE}/receive/credits/guessed", "S3CRETC0DE1", real).status == 404
    assert post(comm, world, url.replace("/credits/", "/twilio/"), "S3CRETC0DE1", real).status == 404
    assert deliveries(comm, report) == before
    huge = Request(
        source="credits", token=url.rsplit("/", 1)[1], method="POST", url=url, headers={}, body=b"x" * 1_000_001
    )
    assert comm.receive(huge).status == 413


def test_one_accounts_reports_are_not_anothers(comm, world, sent, form):
    _, report, _, refs = sent
    world.codes["S3CRETC0DE2"] = "active"
    world.balance["S3CRETC0DE2"] = Decimal(5)
    other = save(comm, {**form, "account_name": "Other", "access_code": "S3CRETC0DE2"})
    comm.send(other, TextMessage("Hi"), [Recipient("07400 123900")], key="camp-2")
    url = json.loads([s for s in world.server.seen if s.path.endswith("/messages")][-1].body)["report_url"]
    number = min(refs)
    assert post(comm, world, url, "S3CRETC0DE2", told(refs[number], number, "undelivered")).status == 200
    assert deliveries(comm, report)[number] == ("sent", "")


@pytest.mark.parametrize("settle", ["report", "query"])
def test_what_was_unknown_is_settled_later(comm, world, form, settle):
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    real = world.server.answer

    def loses_every_message(seen):
        answer = real(seen)
        if seen.path.endswith("/messages"):
            answer.status = 502
        return answer

    world.server.answer = loses_every_message
    report = comm.send(account, TextMessage("Hello"), people(3), key="camp-1")
    assert counts(report) == {"unknown": 3}
    assert len(world.sent) == 3
    world.server.answer = real
    assert counts(comm.send(account, TextMessage("Hello"), people(3), key="camp-1")) == {"unknown": 3}
    if settle == "query":
        comm.run(ANN, "refresh_credits", (account,))
        wanted = ("sent", "")
    else:
        url = json.loads([s for s in world.server.seen if s.path.endswith("/messages")][-1].body)["report_url"]
        reports = [told(ref, to, "delivered") for ref, to, _ in world.sent]
        assert post(comm, world, url, "S3CRETC0DE1", *reports).status == 200
        wanted = ("sent", "delivered")
    assert set(deliveries(comm, report).values()) == {wanted}
    (found,) = comm.sends(account_id=account).sends
    assert counts(found) == {"sent": 3}
    assert len(world.sent) == 3


def test_numbers_are_made_international_and_each_is_sent_once(comm, world, form):
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    wild = ["07400 123456", "+44 7400 123456", "0044 (0)7400-123456", "020 7946 0000", "not a number", "0909 8790000"]
    prepared = comm.prepare(account, [Recipient(number) for number in wild])
    assert [r.address for r in prepared.ready] == ["+447400123456"]
    assert [str(r.reason) for r in prepared.rejected] == ["duplicate", "duplicate", *["invalid_number"] * 3]
    report = comm.send(account, TextMessage("Hello"), [Recipient(number) for number in wild], key="k")
    assert counts(report) == {"sent": 1, "failed": 5}


def test_the_code_is_in_the_keyring_and_nowhere_else(world, form, tmp_path):
    """Bought, pasted, activated, used and asked for again: no file holds it, nor what a host may keep of a draft."""
    settings = Settings(
        data_dir=str(tmp_path), secret_backend="database", base_url=BASE, sandbox=True, http_timeout=2.0
    )
    with Communication.load(settings, entry_points=False) as comm:
        comm.run(ANN, "purchase_credits", (), "sms", form)
        code = world.pay("ord_0", 7)
        pasted = {**form, "access_code": code}
        answers = [comm.check(ANN, "sms", "", pasted, "access_code"), comm.run(ANN, "activate", (), "sms", pasted)]
        account = save(comm, pasted)
        answers += [comm.open_record(ANN, "sms", account), comm.run(ANN, "purchase_credits", (account,), "sms", {})]
        assert counts(comm.send(account, TextMessage("Hello"), people(2), key="k")) == {"sent": 2}
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(b"Texts" in file.read_bytes() for file in files), "or it would prove nothing"
    assert not [file.name for file in files if code.encode().upper() in file.read_bytes().upper()]
    assert code.upper() not in str(answers).upper()


def test_no_code_in_anything_that_is_shown_or_logged(comm, world, form, caplog):
    caplog.set_level("DEBUG")
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    texts = [comm.run(ANN, "refresh_credits", (account,)), comm.open_record(ANN, "sms", account)]
    texts.append(comm.send(account, TextMessage("Hello"), people(1), key="k"))
    world.codes["S3CRETC0DE1"] = "used"
    texts += [comm.run(ANN, "refresh_credits", (account,)), comm.run(ANN, "test", (account,))]
    texts.append(comm.send(account, TextMessage("Hello"), people(2), key="k"))
    world.server.close()
    texts += [comm.run(ANN, "refresh_credits", (account,)), comm.run(ANN, "purchase_credits", (account,), "sms", {})]
    assert "S3CRETC0DE1" not in f"{texts}{caplog.text}".upper()
    assert "7400123" not in caplog.text


def test_a_report_about_a_text_that_is_not_ours_touches_none_of_ours(comm, world, sent):
    """Another program, or another account, may use the same access code: its texts go to the same people."""
    _, report, url, refs = sent
    before = deliveries(comm, report)
    strangers = [told("another-programs-id", number, "undelivered") for number in refs]
    assert post(comm, world, url, "S3CRETC0DE1", *strangers).status == 200
    assert deliveries(comm, report) == before


@pytest.mark.parametrize("ref", [None, "another-programs-id"])
def test_the_one_address_of_a_bulksms_account_hears_of_other_programs_texts_too(comm, tools, monkeypatch, ref):
    service = bulksms(tools)
    monkeypatch.setattr(BulkSms, "base", service.server.url)
    account = save(comm, {"account_name": "B", "gateway": "bulksms", "access_code": "id:secret", "active": True})
    report = comm.send(account, TextMessage("Hello"), [Recipient("+447400123000")], key="camp-1")
    url = comm.run(ANN, "report_address", (account,), "sms", {}).message.split("\n")[1]
    message = {"type": "SENT", "to": "447400123000", "status": {"type": "DELIVERED"}, "userSuppliedId": ref}
    source, token = url.removeprefix(f"{BASE}/receive/").split("/")
    body = json.dumps([message]).encode()
    assert (
        comm.receive(Request(source=source, token=token, method="POST", url=url, headers={}, body=body)).status == 200
    )
    service.server.close()
    assert deliveries(comm, report) == {"+447400123000": ("sent", "")}


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-11-24T10:00:05"])
def test_an_impossible_time_in_a_report_does_not_spoil_the_outcome(comm, world, form, at):
    world.codes["S3CRETC0DE1"] = "active"
    account = save(comm, {**form, "access_code": "S3CRETC0DE1"})
    real = world.server.answer

    def loses_every_message(seen):
        answer = real(seen)
        if seen.path.endswith("/messages"):
            answer.status = 502
        return answer

    world.server.answer = loses_every_message
    report = comm.send(account, TextMessage("Hello"), people(1), key="camp-1")
    url = json.loads([s for s in world.server.seen if s.path.endswith("/messages")][-1].body)["report_url"]
    reports = [{**told(ref, to, "delivered"), "at": at} for ref, to, _ in world.sent]
    assert post(comm, world, url, "S3CRETC0DE1", *reports).status == 200
    (outcome,) = comm.outcomes(report.send_id).outcomes
    assert (outcome.status, outcome.delivery) == ("sent", "delivered")
    assert outcome.at.year == datetime.now(UTC).year
