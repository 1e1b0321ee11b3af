"""How a command ends when something is wrong: one line on stderr with the next step, and an exit code."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

from crm_comm_hookspecs import CommError, Result
from crm_comm_plugin.cli.output import plain

FAILED = 1
USAGE = 2
NOT_ALL_SENT = 3
STOPPED = 130


class CommandError(Exception):
    """A command cannot be done. The text says why and what to do; lines: further details, one each."""

    def __init__(self, text: str, lines: Sequence[str] = (), code: int = FAILED) -> None:
        super().__init__(text)
        self.lines = tuple(lines)
        self.code = code


def refused(result: Result, what: str) -> CommandError:
    """The error for a Result that is not ok: every field's texts, so that all can be mended at once."""
    lines = tuple(f"{name}: {' '.join(texts)}" if name else " ".join(texts) for name, texts in result.errors.items())
    if len(lines) == 1:
        return CommandError(f"{what} {lines[0]}")
    return CommandError(f"{what} {result.message}".strip(), lines)


def report(error: Exception, debug: bool) -> int:
    """Say what went wrong, on stderr; answers the exit code."""
    if debug:
        traceback.print_exception(error)
    text, code = _explained(error)
    lines = error.lines if isinstance(error, CommandError) else ()
    sys.stderr.write("\n  ".join([f"Error: {_one_line(text)}", *(_one_line(line) for line in lines)]) + "\n")
    return code


def _explained(error: Exception) -> tuple[str, int]:
    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, CommError):
        return str(error), FAILED
    if callable(words := getattr(error, "format_message", None)):  # Typer's own: a wrong option or argument
        text = words().strip().rstrip(".")
        return f"{text}{'' if text.endswith('?') else '.'} See: {_path_of(error)} --help", int(
            getattr(error, "exit_code", USAGE)
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}.", FAILED
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {os.path.basename(place[0].filename)}:{place[0].lineno}" if place else ""
    return f"Something unexpected happened ({type(error).__name__}{where}). Add --debug to see all of it.", FAILED


def _path_of(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", "crm-comm"))


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())


def tolerant_streams() -> None:
    """A terminal that cannot show a letter shows a mark for it, instead of ending the command.

    Whoever closed a stream before the start (`>&-`, some services) wants nothing from it.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def closed_pipe() -> int:
    """Whoever read our output went away (`| head`): that is no error worth a line."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


def as_lines(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Hints or errors of a Result, one line each."""
    return [f"{name}: {text}" if name else text for name, found in texts.items() for text in found]
