"""What manifest.json must say, read from pyproject and the code.

Writes it anew: python -m tests.packaging.manifest_of_code.
"""

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from crm_comm_hookspecs import ALL_PERMISSIONS, CONTRACT_VERSION, PROJECT_NAME, Settings
from crm_comm_hookspecs.adoption import HOOKS, implementations
from crm_comm_hookspecs.specs import ExtensionSpecs
from crm_comm_plugin import plugin

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "manifest.json"
SCHEMA = ROOT / "docs" / "manifest.schema.json"

ALLOWS = {
    "communication.view": "See accounts, their usage and their forms.",
    "communication.edit": "Create and change accounts, and test their connections.",
    "communication.delete": "Delete accounts, take that back, and restore them.",
    "communication.purchase": "Spend money on credits.",
    "communication.send": "Send through accounts by a call that names the person.",
}
EXTRAS = {
    "web": "The reference host in a browser: crm-comm serve.",
    "cli": "The commands: crm-comm.",
    "postgres": "PostgreSQL as the database.",
    "oauth": "Signing in to mail servers with OAuth.",
    "discovery": "Finding a domain's mail server in its DNS.",
    "test": "What the tests need.",
    "dev": "What development needs.",
}
ACCOUNT_TYPES = [
    {"key": "email", "label": "E-mail", "channel": "email"},
    {"key": "sms", "label": "SMS", "channel": "sms"},
]
MEANS = {
    "database_url": "SQLAlchemy URL of the database. Empty: SQLite in the data folder.",
    "data_dir": "Data folder. Empty: the platform's user data folder.",
    "secret_backend": "Where secrets are kept: auto, database, or a keyring backend's dotted path.",
    "secret_key_file": "File with the keys of the database keyring.",
    "smtp_ca_file": "Further certificate authorities for mail servers (PEM).",
    "base_url": "Public address under which the host mounts callback and receive.",
    "sandbox": "Use the sandbox's own mail server and SMS gateway.",
    "smtp_timeout": "Seconds to wait in each phase of SMTP.",
    "http_timeout": "Seconds to wait in each phase of HTTP.",
    "busy_timeout": "Longest wait for a lock of the database, in seconds.",
    "installation_limit": "A ceiling for all accounts together, as 500/day. Empty: none.",
    "oauth_google_client_id": "Client id of this installation at Google. Empty: no OAuth with Google.",
    "oauth_google_client_secret": "Client secret of this installation at Google.",
    "oauth_microsoft_client_id": "Client id of this installation at Microsoft. Empty: no OAuth with Microsoft.",
    "oauth_microsoft_client_secret": "Client secret of this installation at Microsoft.",
    "oauth_microsoft_tenant": "Tenant at Microsoft: common, consumers, organizations, or an id.",
    "allowed_networks": "When set, accounts connect to these networks only, as 10.0.0.0/8, loopback, private.",
    "denied_networks": "Networks that accounts never connect to.",
    "allow_plain_passwords": "Passwords may go unencrypted to other machines.",
}


def hooks() -> dict[str, list[str]]:
    """implemented: what the plugin answers; offered: what other plugins may implement."""
    found = {i.hook for source in (plugin, plugin.CommPlugin) for i in implementations(source, PROJECT_NAME)}
    offered = [name for name in vars(ExtensionSpecs) if name.startswith("crm_comm_")]
    return {"implemented": [h for h in HOOKS if h in found], "offered": offered}


def settings() -> dict[str, dict[str, Any]]:
    """Every setting that is not only for tests."""
    kinds = {bool: "boolean", float: "number", str: "string"}
    return {
        field.name: {
            "type": kinds[type(field.default)],
            "default": field.default,
            "environment": f"CRM_COMM_{field.name.upper()}",
            "help": MEANS[field.name],
        }
        for field in fields(Settings)
        if field.name != "clock"
    }


def manifest() -> dict[str, Any]:
    """The whole file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((entry, value),) = project["entry-points"][PROJECT_NAME].items()
    return {
        "$schema": "docs/manifest.schema.json",
        "name": project["name"],
        "version": project["version"],
        "summary": project["description"],
        "license": project["license"],
        "requires_python": project["requires-python"],
        "contract": {"package": "crm_comm_hookspecs", "version": ".".join(map(str, CONTRACT_VERSION))},
        "entry_point": {"group": PROJECT_NAME, "name": entry, "object": value},
        "permissions": {name: ALLOWS[name] for name in ALLOWS if name in ALL_PERMISSIONS},
        "hooks": hooks(),
        "viewers": ["accounts"],
        "account_types": ACCOUNT_TYPES,
        "mounts": {"callback": "{base_url}/callback", "receive": "{base_url}/receive/{source}/{token}"},
        "settings": settings(),
        "extras": {name: EXTRAS[name] for name in project["optional-dependencies"]},
    }


if __name__ == "__main__":
    MANIFEST.write_text(json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
