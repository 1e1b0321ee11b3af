"""Each gateway over a fake service that counts what it accepted: for tests that break the line in every place."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from crm_comm_hookspecs import Account, Transport
from crm_comm_plugin.transports.sms.bulksms import BulkSms
from crm_comm_plugin.transports.sms.clicksend import ClickSend
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from crm_comm_plugin.transports.sms.kannel import Kannel
from crm_comm_plugin.transports.sms.twilio import Twilio
from crm_comm_plugin.transports.sms.vonage import Vonage
from tests.sms.faulty_server import Answered, FaultyServer, Seen

SID = "AC" + "a" * 32


@dataclass
class Service:
    """accepted: the numbers of all texts that the service took, in order, as often as it took them."""

    accepted: list[str]
    server: FaultyServer
    gateway: Any
    secrets: dict[str, str]
    values: dict[str, str]

    def open(self, account: Account) -> Transport:
        return self.gateway.open(account, self.values, self.secrets)


def bulksms(tools: GatewayTools) -> Service:
    accepted: list[str] = []
    known: dict[str, bytes] = {}

    def answer(seen: Seen) -> Answered:
        number = dict(parse_qsl(seen.path.partition("?")[2])).get("deduplication-id", "")
        if number not in known:
            entries = json.loads(seen.body)
            accepted.extend(entry["to"] for entry in entries)
            known[number] = json.dumps(
                [
                    {
                        "id": str(index),
                        "type": "SENT",
                        "to": entry["to"].removeprefix("+"),
                        "body": entry["body"],
                        "status": {"id": "ACCEPTED.null", "type": "ACCEPTED", "subtype": None},
                        "userSuppliedId": entry["userSuppliedId"],
                    }
                    for index, entry in enumerate(entries)
                ]
            ).encode()
        return Answered(201, known[number])

    return _service(BulkSms, tools, answer, accepted, "id-1:secret-1")


def clicksend(tools: GatewayTools) -> Service:
    accepted: list[str] = []

    def answer(seen: Seen) -> Answered:
        messages = json.loads(seen.body)["messages"]
        accepted.extend(message["to"] for message in messages)
        results = [{**m, "status": "SUCCESS", "message_parts": 1, "message_price": "0.0550"} for m in messages]
        data = {"http_code": 200, "response_code": "SUCCESS", "response_msg": "", "data": {"messages": results}}
        return Answered(200, json.dumps(data).encode())

    return _service(ClickSend, tools, answer, accepted, "user:key-1")


def twilio(tools: GatewayTools) -> Service:
    accepted: list[str] = []

    def answer(seen: Seen) -> Answered:
        accepted.append(dict(parse_qsl(seen.body.decode()))["To"])
        return Answered(201, json.dumps({"sid": "SM" + "b" * 32, "status": "queued", "num_segments": "1"}).encode())

    return _service(Twilio, tools, answer, accepted, f"{SID}:{'c' * 32}")


def vonage(tools: GatewayTools) -> Service:
    accepted: list[str] = []

    def answer(seen: Seen) -> Answered:
        accepted.append("+" + dict(parse_qsl(seen.body.decode()))["to"])
        part = {"to": "1", "message-id": "x", "status": "0", "remaining-balance": "1", "message-price": "0.03"}
        return Answered(200, json.dumps({"message-count": "1", "messages": [part]}).encode())

    return _service(Vonage, tools, answer, accepted, "abcd1234:abcdef0123456789")


def kannel(tools: GatewayTools) -> Service:
    accepted: list[str] = []

    def answer(seen: Seen) -> Answered:
        accepted.append(seen.headers["x-kannel-to"])
        return Answered(202, b"0: Accepted for delivery", "text/plain")

    return _service(Kannel, tools, answer, accepted, "crm:pass")


def _service(
    kind: Callable[[GatewayTools], Any],
    tools: GatewayTools,
    answer: Callable[[Seen], Answered],
    accepted: list[str],
    code: str,
) -> Service:
    server = FaultyServer(answer)
    gateway = kind(tools)
    gateway.base = server.url
    return Service(accepted, server, gateway, {"access_code": code}, {"kannel_url": server.url})


SERVICES = {make.__name__: make for make in (bulksms, clicksend, twilio, vonage, kannel)}


def numbers(count: int) -> list[str]:
    """So many different numbers."""
    return [f"+4477009{n:05}" for n in itertools.islice(itertools.count(), count)]
