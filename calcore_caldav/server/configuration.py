# SPDX-License-Identifier: GPL-3.0-or-later
"""The Radicale configuration of the native server: our defaults, the file, the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from radicale.config import DEFAULT_CONFIG_SCHEMA, Configuration

from calcore_caldav.errors import ConfigurationError
from calcore_caldav.server.place import read_sections

# Radicale's own defaults would pause inside requests and refuse characters that clients use in names.
DEFAULTS: Final = {
    "server": {
        "hosts": "127.0.0.1:5232",
        "delay_on_error": "0",
        "validate_path_value": "none",
        "validate_user_value": "none",
    },
    "auth": {"type": "radicale_calcore.auth", "delay": "0", "realm": "Calendar"},
    "storage": {"type": "radicale_calcore.storage"},
    "rights": {"type": "radicale_calcore.rights"},
    "web": {"type": "radicale_calcore.web"},
    "hook": {"type": "radicale_calcore.hook"},
    "logging": {"level": "warning"},
}

Sections = Mapping[str, Mapping[str, str]]


def native_configuration(file: Path | None, overrides: Sections) -> Configuration:
    """The configuration of `serve`; raises ConfigurationError naming section and option."""
    configuration = Configuration(DEFAULT_CONFIG_SCHEMA)
    configuration.update(DEFAULTS, "defaults")
    in_file = read_sections(file) if file else {}
    own = DEFAULTS["storage"]["type"]
    if (kind := in_file.get("storage", {}).get("type", own)) != own:
        raise ConfigurationError(
            f"[storage] type = {kind}: the server keeps its data in its own database; leave the type away"
        )
    for sections, source in ((in_file, f"configuration file {file}"), (overrides, "command line")):
        try:
            configuration.update(sections, source)
        except (RuntimeError, ValueError) as error:
            raise ConfigurationError(str(error)) from None
    return configuration
