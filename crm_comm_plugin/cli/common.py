"""What every command has in common: the options that say where the data is, and the Communication made of them."""

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Settings
from crm_comm_hookspecs.calls import OWN_NAME
from crm_comm_plugin.cli.endings import USAGE, CommandError

USER = "cli"
PANEL = "Options of every command"

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(slots=True)
class Choices:
    """The options of every command, as given so far: before the command's name or after it."""

    database_url: str = ""
    data_dir: str = ""
    locale: str = ""
    timezone: str = ""
    sandbox: bool = False
    debug: bool = False

    @property
    def settings(self) -> Settings:
        """What the plugin starts with."""
        return Settings(
            database_url=self.database_url,
            data_dir=self.data_dir,
            sandbox=self.sandbox,
            allowed_networks="loopback" if self.sandbox else "",
        )

    @property
    def context(self) -> Context:
        """Who asks: whoever may run this command may do everything."""
        return Context(
            user=USER,
            permissions=ALL_PERMISSIONS,
            locale=self.locale or _locale(),
            timezone=self.timezone or _timezone(),
        )

    @contextmanager
    def communication(self) -> Iterator[Communication]:
        """The running plugin."""
        with Communication.load(self.settings) as comm:
            yield comm


OPTIONS: dict[str, Any] = {
    "database_url": Annotated[
        str,
        typer.Option(
            "--database-url",
            metavar="URL",
            help="The database; better set CRM_COMM_DATABASE_URL where it holds a password.",
            rich_help_panel=PANEL,
        ),
    ],
    "data_dir": Annotated[
        str,
        typer.Option("--data-dir", metavar="FOLDER", help="Where the embedded database lies.", rich_help_panel=PANEL),
    ],
    "locale": Annotated[
        str,
        typer.Option("--locale", metavar="NAME", help="For dates and numbers, such as de.", rich_help_panel=PANEL),
    ],
    "timezone": Annotated[
        str,
        typer.Option("--timezone", metavar="NAME", help="For dates, such as Europe/Berlin.", rich_help_panel=PANEL),
    ],
    "sandbox": Annotated[bool, typer.Option("--sandbox", help="Use the sandbox's own data.", rich_help_panel=PANEL)],
    "debug": Annotated[
        bool, typer.Option("--debug", help="Show the log, and tracebacks of errors.", rich_help_panel=PANEL)
    ],
}


def with_choices(function: Callable[..., None], root: bool = False) -> Callable[..., None]:
    """The function with the common options added; unless root, its first argument becomes the `Choices`."""

    @functools.wraps(function)
    def command(**arguments: Any) -> None:
        choices: Choices = arguments.pop("ctx").obj
        for name in OPTIONS:
            if given := arguments.pop(name):
                setattr(choices, name, given)
        check_timezone(choices.timezone)
        start_logging(choices.debug)
        function(**arguments) if root else function(choices, **arguments)

    own = list(inspect.signature(function).parameters.values())[0 if root else 1 :]
    common = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=_nothing(n), annotation=a)
        for n, a in OPTIONS.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + common + [context]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads it
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    del command.__wrapped__  # else its signature would be read instead
    return command


def add_group(app: typer.Typer, name: str, help: str) -> typer.Typer:
    """A group of commands, which takes the common options as well."""
    group = typer.Typer(help=help)
    group.callback()(with_choices(_no_options, root=True))
    app.add_typer(group, name=name)
    return group


def _no_options() -> None:
    pass


def add(app: typer.Typer, name: str, function: Callable[..., None], **options: Any) -> None:
    """Add a command with the common options; its help is the function's docstring."""
    app.command(name, **options)(with_choices(function))


def parts_of(comm: Communication) -> Any:
    """The plugin's own parts, for what only an operator does; everything else goes through the contract."""
    plugin: Any = comm.pm.get_plugin(OWN_NAME)
    return plugin.parts()


def start_logging(debug: bool) -> None:
    """The whole log on stderr with `--debug`; else nothing, since a command says itself what matters."""
    import logging

    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    elif not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


def check_timezone(name: str) -> None:
    """Refuse a name that no time zone has."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"There is no time zone {name!r}. Give a name such as Europe/Berlin.", code=USAGE) from None


def _nothing(name: str) -> Any:
    return False if name in ("debug", "sandbox") else ""


def _locale() -> str:
    for variable in ("LC_ALL", "LC_TIME", "LANG"):
        name = os.environ.get(variable, "").split(".")[0].split("@")[0]
        if name:
            return "en" if name in ("C", "POSIX") else name
    return "en"


def _timezone() -> str:
    """The machine's IANA name, where it says one."""
    names = [os.environ.get("TZ", "").lstrip(":")]
    link = Path("/etc/localtime")
    if link.is_symlink():
        names.append(str(link.resolve()).partition("/zoneinfo/")[2])
    for name in names:
        if name and not name.startswith("/") and Path("/usr/share/zoneinfo", name).is_file():
            return name
    return "UTC"
