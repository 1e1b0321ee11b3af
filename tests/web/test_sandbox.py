"""The sandbox's servers: what arrives, how they fail on purpose, and that a repeated call is done once."""

import json
import re
import smtplib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage

import httpx
import pytest
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from crm_comm_hookspecs import CommError
from crm_comm_plugin.hosts.web import sandbox as sandboxes
from crm_comm_plugin.hosts.web.running import bound
from crm_comm_plugin.hosts.web.sandbox.state import State
from crm_comm_plugin.hosts.web.sandbox.texts import parts_of
from tests.web.hosting import EVERYTHING

KEY = "a-key-of-an-order-1"


@pytest.fixture
def sandbox(tmp_path):
    running = sandboxes.start(0, 0, tmp_path / "sandbox.json")
    yield running
    running.stop()


@pytest.fixture
def smtp(sandbox):
    with smtplib.SMTP("127.0.0.1", sandbox.smtp.port, timeout=10) as line:
        yield line


@pytest.fixture
def gateway(sandbox):
    client = httpx.Client(base_url=f"{sandbox.gateway_place}/v1", trust_env=False, timeout=10)
    yield client
    client.close()


def letter(to: str = "ann@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Zoë <zoe@sandbox.test>", to, "Grüße ✓"
    message.set_content("Guten Tag, Zoë")
    return message


def test_mail_arrives_and_can_be_read(sandbox, smtp):
    smtp.login("zoe@sandbox.test", "anything")
    smtp.send_message(letter())
    (message,), count = sandbox.state.messages()
    assert (count, message.to, message.subject) == (1, ("ann@example.com",), "Grüße ✓")
    assert message.text.strip() == "Guten Tag, Zoë"


def test_hostile_mail_is_kept_as_text(http, host):
    with smtplib.SMTP("127.0.0.1", host.sandbox.smtp.port) as line:
        head = b"Subject: <script>alert(1)</script>\r\nContent-Type: text/html\r\n\r\n"
        line.sendmail("x@y.z", ["a@b.c"], head + b"<img onerror=x>")
        line.sendmail("x@y.z", ["a@b.c"], b"\xff\xfe\x00 no message at all")
        line.sendmail("x@y.z", ["a@b.c"], b"Content-Type: text/plain; charset=nothing\r\n\r\nx")
    page = http.get("/inbox").text
    assert "&lt;script&gt;" in page
    assert "<img" not in page


def test_wrong_password(sandbox, smtp):
    sandbox.state.switch({"wrong_password": True})
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        smtp.login("zoe@sandbox.test", "anything")
    assert caught.value.smtp_code == 535


def test_the_daily_limit_speaks_like_a_provider(sandbox, smtp):
    sandbox.state.switch({"daily_limit": True})
    smtp.login("zoe@sandbox.test", "x")
    people = [f"p{n}@example.com" for n in range(7)]
    refused = smtp.sendmail("zoe@sandbox.test", people, letter().as_bytes())
    assert sorted(refused) == people[5:]
    assert refused[people[5]] == (550, b"5.4.5 Daily user sending limit exceeded.")


def test_the_daily_limit_rolls_and_is_each_users_own():
    state, now = State(), datetime(2026, 11, 24, tzinfo=UTC)
    state.switch({"daily_limit": True})
    assert [state.take("a", now) for _ in range(6)] == [True] * 5 + [False]
    assert state.take("b", now)
    assert not state.take("a", now + timedelta(hours=23, minutes=59))
    assert state.take("a", now + timedelta(hours=24))


def test_the_line_drops_in_data_and_nothing_arrives(sandbox, smtp):
    sandbox.state.switch({"drop": True})
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtp.send_message(letter())
    assert sandbox.state.messages() == ((), 0)


def test_what_people_see_when_it_fails(host, http):
    """Through the whole plugin: the provider's limit skips, a line that breaks is unknown."""
    from crm_comm_hookspecs import EmailMessage as Mail
    from crm_comm_hookspecs import Recipient

    account = host.add()
    host.sandbox.state.switch({"daily_limit": True})
    people = [Recipient(f"p{n}@example.com") for n in range(8)]
    report = host.comm.send(account, Mail(subject="s", text="t"), people, key="one")
    assert (report.counts["sent"], report.counts["skipped"]) == (5, 3)
    reasons = {str(one.reason) for one in host.comm.outcomes(report.send_id, "skipped").outcomes}
    assert reasons == {"provider_limit"}
    page = http.get(f"/account/{account}").text
    until = host.comm.allowance(account, context=EVERYTHING).next_free_at
    assert re.search(rf"Paused until\s*<local-time at=\"{until:%Y-%m-%dT%H:%M:%S}Z\"", page)


def order(gateway, key=KEY, **body):
    return gateway.post("/orders", headers={"Idempotency-Key": key}, json=body)


def bought(sandbox, gateway, key=KEY) -> str:
    """An activated access code with 100 credits."""
    made = order(gateway, key).json()
    page = httpx.post(made["url"], data={"do": "pay"}, follow_redirects=True, trust_env=False).text
    code = page.split('id="code">')[1].split("<")[0].replace("-", "")
    assert gateway.post("/activations", json={"code": code}).json()["state"] == "activated"
    return code


def message(ref: str = "m1", to: str = "+447400123456", text: str = "Hello") -> dict[str, str]:
    return {"id": ref, "to": to, "text": text}


def send(gateway, code, *messages):
    return gateway.post("/messages", headers={"Authorization": f"Bearer {code}"}, json={"messages": list(messages)})


def test_the_way_to_credits(sandbox, gateway):
    made = order(gateway)
    assert (made.status_code, made.json()["state"]) == (201, "open")
    assert order(gateway).json() == made.json()
    assert order(gateway).status_code == 200
    assert order(gateway, return_url="http://127.0.0.1/elsewhere").json()["code"] == "key_reused"
    assert order(gateway, "short").status_code == 400
    code = bought(sandbox, gateway)
    assert gateway.get(f"/orders/{made.json()['id']}").json()["state"] == "used"
    again = gateway.post("/activations", json={"code": code}).json()
    assert (again["state"], again["balance"]) == ("already_active", "100")
    assert send(gateway, code, message()).json()["balance"] == "99"
    assert send(gateway, code, message()).json()["balance"] == "99"
    changed = send(gateway, code, message(text="Another")).json()["results"][0]
    assert (changed["status"], changed["code"]) == ("rejected", "id_reused")
    assert sandbox.state.messages()[1] == 1


def test_paying_twice_is_paying_once(sandbox, gateway):
    code = bought(sandbox, gateway)
    url = order(gateway).json()["url"]
    httpx.post(url, data={"do": "pay"}, trust_env=False)
    assert gateway.get("/balance", headers={"Authorization": f"Bearer {code}"}).json()["balance"] == "100"
    more = gateway.post(
        "/orders", headers={"Idempotency-Key": "another-key-of-16", "Authorization": f"Bearer {code}"}, json={}
    ).json()
    httpx.post(more["url"], data={"do": "pay"}, trust_env=False)
    assert gateway.get("/balance", headers={"Authorization": f"Bearer {code}"}).json()["balance"] == "200"


def test_a_cancelled_order_charges_nothing(sandbox, gateway):
    made = order(gateway).json()
    page = httpx.post(made["url"], data={"do": "cancel"}, follow_redirects=True, trust_env=False)
    assert "cancelled" in page.text
    assert gateway.get(f"/orders/{made['id']}").json()["state"] == "failed"


def test_another_site_cannot_buy(gateway):
    made = order(gateway).json()
    headers = {"sec-fetch-site": "cross-site"}
    assert httpx.post(made["url"], data={"do": "pay"}, headers=headers, trust_env=False).status_code == 403


def test_credits_run_out_at_the_front(sandbox, gateway):
    code = bought(sandbox, gateway)
    results = send(gateway, code, *(message(f"m{n}") for n in range(103))).json()["results"]
    assert [one["status"] for one in results] == ["accepted"] * 100 + ["rejected"] * 3
    assert send(gateway, code, message("late")).status_code == 402


@pytest.mark.parametrize("code", ["-", "NOSUCHCODE12", "x" * 500])
def test_wrong_codes(gateway, code):
    assert gateway.get("/balance", headers={"Authorization": f"Bearer {code}"}).status_code == 401
    assert gateway.post("/activations", json={"code": code}).status_code == 404


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '{"messages": []}', '{"messages": [1]}', '{"messages": [{"id": 1}]}']
)
def test_what_cannot_be_read(sandbox, gateway, body):
    code = bought(sandbox, gateway)
    answer = gateway.post("/messages", headers={"Authorization": f"Bearer {code}"}, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_hostile_requests_cost_nothing_and_break_nothing(sandbox, gateway):
    code = bought(sandbox, gateway)
    headers = {"Authorization": f"Bearer {code}"}
    endless = gateway.post("/quotes", headers=headers, content='{"sizes": [{"segments": 1e999, "texts": 1}]}')
    assert endless.status_code == 400
    half = r'{"id": "a", "to": "+447700900001", "text": "\ud83d"}'  # a page with it could not be written
    assert gateway.post("/messages", headers=headers, content=f'{{"messages": [{half}]}}').status_code == 400
    assert gateway.get("/balance", headers=headers).json()["balance"] == "100"
    nowhere = {"messages": [message()], "report_url": "http://[x"}
    assert gateway.post("/messages", headers=headers, json=nowhere).json()["results"][0]["status"] == "accepted"


def test_codes_and_credits_survive_a_restart(sandbox, gateway, tmp_path):
    code = bought(sandbox, gateway)
    send(gateway, code, message())
    again = sandboxes.start(0, 0, tmp_path / "sandbox.json")
    try:
        url = f"{again.gateway_place}/v1/balance"
        left = httpx.get(url, headers={"Authorization": f"Bearer {code}"}, trust_env=False).json()["balance"]
        assert left == "99"
    finally:
        again.stop()
    (tmp_path / "sandbox.json").write_text("{broken")
    assert State(tmp_path / "sandbox.json").messages() == ((), 0)


def test_every_answer_is_as_the_protocol_says(sandbox, gateway):
    """Against docs/credits-gateway.openapi.json."""
    import requests

    with open("docs/credits-gateway.openapi.json", encoding="utf-8") as file:
        description = json.load(file)
    description["servers"] = [{"url": f"{sandbox.gateway_place}/v1"}]
    problems = Config(extra_media_type_deserializers={"application/problem+json": json.loads})
    api = OpenAPI.from_dict(description, config=problems)
    code = bought(sandbox, gateway)
    bearer = {"Authorization": f"Bearer {code}"}
    calls = [
        ("POST", "/orders", {"Idempotency-Key": "k" * 16}, {}),
        ("POST", "/orders", {"Idempotency-Key": KEY}, {"return_url": "http://127.0.0.1/x"}),
        ("GET", "/orders/none", {}, None),
        ("POST", "/activations", {}, {"code": code}),
        ("POST", "/activations", {}, {"code": "NOSUCHCODE"}),
        ("GET", "/balance", bearer, None),
        ("GET", "/balance", {"Authorization": "Bearer NOSUCHCODE"}, None),
        ("POST", "/quotes", bearer, {"sizes": [{"segments": 2, "texts": 10}]}),
        ("POST", "/messages", bearer, {"messages": [message(), message("m2", "+4915123456789", "✓")]}),
        ("POST", "/messages", bearer, {"messages": [message("m3", text="x" * 20_000)]}),
        ("GET", "/messages/m1", bearer, None),
        ("GET", "/messages/none", bearer, None),
    ]
    with requests.Session() as session:
        session.trust_env = False
        for method, path, headers, body in calls:
            request = requests.Request(
                method, f"{sandbox.gateway_place}/v1{path}", headers=headers, json=body
            ).prepare()
            with session.send(request, timeout=10) as answer:
                api.validate_response(RequestsOpenAPIRequest(request), RequestsOpenAPIResponse(answer))


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("✓" * 70, 1), ("✓" * 71, 2), ("😀" * 35, 1), ("😀" * 67, 3)],
)
def test_parts(text, parts):
    assert parts_of(text) == parts


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_in_use_is_one_clear_line(which):
    with bound("127.0.0.1", 0, "A test") as taken:
        ports = [0, 0]
        ports[which] = taken.getsockname()[1]
        with pytest.raises(CommError, match="in use") as caught:
            sandboxes.start(*ports)
    assert str(ports[which]) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_editor_offers_what_the_sandbox_has(host):
    fields = {field.name: field for field in next(e for e in host.comm.editors(EVERYTHING) if e.name == "sms").fields}
    assert "sandbox" in {option.value for option in fields["gateway"].options}
    gateway = next(c.value for c in host.comm.contributions("crm_comm_sms_gateways") if c.value.key == "sandbox")
    assert gateway.code_problem("x")
    assert gateway.quote([], {}, {"access_code": "NOSUCHCODE12"}) == Decimal(0)
