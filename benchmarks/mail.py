"""E-mail against its goals and its peers: `python -m benchmarks.mail` prints a table, writes results_mail.md.

Needs root and Debian's postfix. About five minutes.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import mail_building, mail_lines
from benchmarks.limits_measure import disk, machine, table
from benchmarks.mail_server import accepting, version

RESULTS = Path(__file__).with_name("results_mail.md")
HOW = """How it is measured:

- One Postfix, as the tests start it, on a port of its own without encryption, sign-in and policy; it discards what it
  has accepted, and the next block begins when it is through with that. All senders keep their lines open and take turns
  in blocks of the same messages of 5 kB; each ratio is the median of the ratios of the rounds, so that a busy moment
  hits both.
- The peers send bytes that were built before. Ours goes through `Transport.deliver`, so that it makes each mail's own
  headers on the way, which the peers need not.
- The hand-written sender (`mail_peers.py`) is a plain socket: content, MAIL, RCPT and DATA of the next message in one
  write, one wait for each message, no time-outs, no reading of what a refusal means, no second try.
- Overhead: of one `Communication.send`, the share of the time that was not spent waiting for the transport's next
  outcome: reading and checking recipients, rows, reserve, outcomes, settle, progress.
- Several lines: sender and Postfix share the machine's cores. On two cores with nothing else to do the medians of four
  runs were 1.52 to 1.61 x, with a load of 5 to 18 from other work 1.09 to 2.38 x: judge this goal on an idle machine.
- One line: the medians of three runs were 0.89, 0.92 and 0.92 x. Of the 150 us that each message costs us more, half
  are its own headers; making them while the server thinks would save 40, but begin one recipient more beforehand.
- Building: bytes of one mail for each recipient, against a new `email.message.EmailMessage` for each.
"""


def main() -> int:
    """Measure everything; the table goes to the screen and into results_mail.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--block", type=int, default=200, help="messages in one block")
    parser.add_argument("--send", type=int, default=10_000, help="recipients of the send whose overhead is measured")
    options = parser.parse_args()
    rows = [disk(), *mail_building.rows()]
    with accepting() as server:
        rows += mail_lines.throughput(server, options.block, options.rounds)
        rows += mail_lines.overhead(server, options.send)
    text = f"{machine(('SQLAlchemy',))[:-1]}, Postfix {version()}.\n\n{table(rows)}\n\n{HOW}"
    print(text)
    RESULTS.write_text(f"# Benchmarks of e-mail\n\nWritten by `make bench`. {text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
