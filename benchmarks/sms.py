"""Phone numbers and texts in bulk, against phonenumbers alone and against one request per recipient.

Run: python -m benchmarks.sms. Prints a table. Goals: reading 100 000 numbers takes at most 0.15 x of what phonenumbers
needs to parse, validate and format them, with the same results; 10 000 texts to a gateway on loopback go in batches at
5 x the rate of one request per recipient.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import phonenumbers

from crm_comm_hookspecs import Account, Recipient, TextMessage, Transport
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.numbers import to_e164
from crm_comm_plugin.transports.sms.credits_gateway import CreditsGateway
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from tests.sms.credits_world import CreditsWorld
from tests.sms.number_spellings import spelled

REGIONS = {"GB": 1, "DE": 1, "FR": 1, "IT": 1, "IN": 1, "US": 2}
"""Region -> kind of its example number: mobile, in the United States not to be told from a fixed line."""
ACCOUNT = Account(id="a", name="a", type="sms", channel="sms", active=True, sender="", status="connected")
CODE = "GOODCODE1"


def realistic(count: int, seed: int = 5) -> list[tuple[str, str]]:
    """(number as people write it, region): valid mobiles with varied last digits. `00` only where it is dialled."""
    random, found = Random(seed), list[tuple[str, str]]()
    while len(found) < count:
        region = random.choice(list(REGIONS))
        example = phonenumbers.example_number_for_type(region, REGIONS[region])
        nsn = phonenumbers.national_significant_number(example)
        keep = random.randrange(3, len(nsn))
        digits = nsn[:keep] + "".join(random.choice("0123456789") for _ in nsn[keep:])
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=int(digits))
        text = spelled(number, region, random)
        if phonenumbers.is_valid_number(number) and not (region == "US" and text.startswith("00")):
            found.append((text, region))
    return found


def by_phonenumbers(text: str, region: str) -> str | None:
    """Parse, validate, format."""
    number = phonenumbers.parse(text, region)
    e164 = phonenumbers.PhoneNumberFormat.E164
    return phonenumbers.format_number(number, e164) if phonenumbers.is_valid_number(number) else None


def seconds(work: Callable[[], object]) -> float:
    """Wall time of some work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def numbers(count: int, rounds: int) -> bool:
    """Print how long reading takes by both ways, in turns; whether the goal is met."""
    wanted = realistic(count)
    theirs, ours = [by_phonenumbers(*n) for n in wanted], [to_e164(*n) for n in wanted]  # warms up as well
    pairs = [
        (seconds(lambda: [to_e164(*n) for n in wanted]), seconds(lambda: [by_phonenumbers(*n) for n in wanted]))
        for _ in range(rounds)
    ]
    mine, other = min(p[0] for p in pairs), min(p[1] for p in pairs)
    differing = sum(a != b for a, b in zip(theirs, ours, strict=True))
    print(f"{count:,} numbers, to_e164{'':<21} {mine * 1000:8.0f} ms")
    print(f"{count:,} numbers, phonenumbers{'':<16} {other * 1000:8.0f} ms")
    print(f"{'ratio (goal <= 0.15)':<44} {mine / other:8.3f} x")
    print(f"{'different results (goal 0)':<44} {differing:8}")
    return mine / other <= 0.15 and not differing


def rate(transport: Transport, texts: Sequence[tuple[Recipient, TextMessage]], batch: int) -> float:
    """Texts per second, all of them accepted."""

    def work() -> None:
        for start in range(0, len(texts), batch):
            assert all(o.status == "sent" for o in transport.deliver(texts[start : start + batch]))

    return len(texts) / seconds(work)


def sending(count: int) -> bool:
    """Print how fast texts go in batches and one by one; whether the goal is met."""
    world = CreditsWorld()
    world.codes[CODE], world.balance[CODE] = "active", Decimal(count * 2)
    tools = GatewayTools(clock=InjectedClock(lambda: datetime.now(UTC)))
    transport = CreditsGateway(tools, world.url).open(ACCOUNT, {}, {"access_code": CODE})
    texts = [(Recipient(f"+4474{n:08}"), TextMessage("Your table is ready.")) for n in range(count)]
    singly = rate(transport, texts[: count // 10], 1)
    together = rate(transport, texts, transport.batch)
    transport.close()
    world.server.close()
    print(f"{count:,} texts in batches of {transport.batch}{'':<17} {together:8.0f} /s")
    print(f"{'one request per recipient':<44} {singly:8.0f} /s")
    print(f"{'ratio (goal >= 5)':<44} {together / singly:8.1f} x")
    return together / singly >= 5


def main() -> None:
    """Print the table; exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    met = [numbers(options.numbers, options.rounds), sending(options.texts)]
    raise SystemExit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
