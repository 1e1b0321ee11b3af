"""Writes docs/hooks.md from the specs and the facade: python -m tests.contract.hook_page."""

import inspect
import re
from pathlib import Path

from crm_comm_hookspecs import CommSpecs, Communication
from crm_comm_hookspecs.hostspecs import HostSpecs
from crm_comm_hookspecs.servicespecs import ServiceSpecs
from crm_comm_hookspecs.specs import ExtensionSpecs

PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"
SECTIONS = {
    "1. The host calls, the plugin answers": HostSpecs,
    "2. Other plugins call, the plugin answers": ServiceSpecs,
    "3. Other plugins implement, the plugin calls": ExtensionSpecs,
}
HEAD = """# All hooks

Written by `python -m tests.contract.hook_page` from `crm_comm_hookspecs`; a test holds it equal to the code. How to use
them is in [plugin authors](plugin-authors.md) and [hosts](hosts.md).

- **Registering** hooks return an iterable of values; everybody's are put together, the plugin's own first, then
  in the order in which the plugins were registered. What is claimed twice is refused for the second.
- **Acting** hooks are asked one plugin after the other, in that order, until one answers something other than
  `None`. Return `None` for what is not yours.
- **Events** tell everybody; what is returned does not matter.
- Arguments are passed by keyword. An implementation may take fewer, and gives them no defaults.
- Call them through the facade: its methods have the defaults, and keep a broken plugin from taking the others down.
  Whoever calls `pm.hook` directly passes every argument.
"""
EVENTS = {"crm_comm_startup", "crm_comm_shutdown", "crm_comm_account_changed", "crm_comm_limit_reached"}


def hooks_of(specs: type) -> list[str]:
    """Names of a section's hooks, in the order of the source."""
    return [name for name in vars(specs) if name.startswith("crm_comm_")]


def signature(function: object, name: str) -> str:
    """As one writes it, without quotes and module names."""
    shown = str(inspect.signature(function))  # type: ignore[arg-type]
    shown = re.sub(r"(?:crm_comm_hookspecs\.\w+|collections\.abc|datetime|typing)\.(?=\w)", "", shown)
    shown = shown.replace("(self, ", "(").replace("(self)", "()").replace("'", "")
    return f"{name}{shown}".replace(
        "EmailMessage | TextMessage | Callable[[Recipient], EmailMessage | TextMessage]", "MessageSource"
    )


def kind(name: str) -> str:
    """Registering, acting or event."""
    if name in EVENTS:
        return "event, told again to whoever registers later" if name == "crm_comm_startup" else "event"
    options = getattr(CommSpecs, name).crm_spec
    return "acting" if options["firstresult"] else "registering"


def entry(name: str) -> str:
    """One hook."""
    spec = getattr(CommSpecs, name)
    text, _, example = inspect.getdoc(spec).partition("Example:")  # type: ignore[union-attr]
    method = getattr(Communication, name.removeprefix("crm_comm_"), None)
    lines = [
        f"### {name}",
        "",
        f"```python\n{signature(spec, name)}\n```",
        "",
        f"*{kind(name).capitalize()}.* {text.strip()}",
    ]
    if method is not None:
        lines += ["", f"Facade: `{signature(method, 'comm.' + name.removeprefix('crm_comm_'))}`"]
    return "\n".join([*lines, "", f"Example: {example.strip()}", ""])


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, specs in SECTIONS.items():
        parts += [f"## {title}", "", *(entry(name) for name in hooks_of(specs))]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
