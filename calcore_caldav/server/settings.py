# SPDX-License-Identifier: GPL-3.0-or-later
"""Our settings: extra options of the [storage] section of a Radicale configuration, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from calcore_caldav.core.limits import Limits
from calcore_caldav.core.times import parse_date_time
from calcore_caldav.errors import CalcoreError, ConfigurationError
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.settings import StoreSettings

_BOOLEANS: Final = {
    **dict.fromkeys(("1", "yes", "true", "on"), True),
    **dict.fromkeys(("0", "no", "false", "off"), False),
}


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.strip().lower()]


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


class Option(NamedTuple):
    """One option: which settings have a field of its name, and how its text is read."""

    settings: type[Limits | SchedulingSettings | StoreSettings]
    read: Callable[[str], Any]
    expects: str


OPTIONS: Final[Mapping[str, Option]] = {
    "everybody_reads_free_busy": Option(SchedulingSettings, _boolean, "yes or no"),
    "refresh_limit": Option(SchedulingSettings, _count, "a number of attendees"),
    "refresh_at_once": Option(SchedulingSettings, _count, "a number of attendees"),
    "refresh_delay": Option(SchedulingSettings, _count, "a number of seconds"),
    "waiting_is_free": Option(SchedulingSettings, _boolean, "yes or no"),
    "keep_cancelled": Option(SchedulingSettings, _boolean, "yes or no"),
    "answer_items": Option(SchedulingSettings, _boolean, "yes or no"),
    "inbox_days": Option(SchedulingSettings, _count, "a number of days"),
    "history_days": Option(SchedulingSettings, _count, "a number of days"),
    "private_webhooks": Option(SchedulingSettings, _boolean, "yes or no"),
    "past_days": Option(SchedulingSettings, _count, "a number of days"),
    "max_instances": Option(Limits, _count, "a number"),
    "max_attendees": Option(Limits, _count, "a number"),
    "max_results": Option(Limits, _count, "a number"),
    "min_date_time": Option(Limits, parse_date_time, "a UTC time such as 19000101T000000Z"),
    "max_date_time": Option(Limits, parse_date_time, "a UTC time such as 22000101T000000Z"),
    "index_ahead_days": Option(StoreSettings, _count, "a number of days"),
    "index_behind_days": Option(StoreSettings, _count, "a number of days"),
    "parsed_cache_bytes": Option(StoreSettings, _count, "a number of octets"),
    "busy_timeout": Option(StoreSettings, float, "a number of seconds"),
}
"""What may stand in [storage] beside `type`, `database` and Radicale's own options."""

NAMES: Final = frozenset({*OPTIONS, "database", "data"})


@dataclass(frozen=True, slots=True)
class Settings:
    """All of our settings."""

    database: str
    """`sqlite:///path` or `postgresql://…`."""
    scheduling: SchedulingSettings
    store: StoreSettings


def read_settings(
    database: str, options: Mapping[str, str], max_resource_size: int | None = None
) -> Settings:
    """Settings from the text of options; raises ConfigurationError naming the option.

    `max_resource_size` is Radicale's own setting of [server].
    """
    values: dict[type, dict[str, object]] = {Limits: {}, SchedulingSettings: {}, StoreSettings: {}}
    for name, text in options.items():
        option = OPTIONS[name]
        try:
            values[option.settings][name] = option.read(str(text))
        except (KeyError, ValueError, CalcoreError):
            raise ConfigurationError(f"[storage] {name} = {text}: must be {option.expects}") from None
    if max_resource_size:
        values[Limits]["max_resource_size"] = max_resource_size
    limits = replace(Limits(), **values[Limits])  # type: ignore[arg-type]
    return Settings(
        database=database,
        scheduling=replace(SchedulingSettings(), limits=limits, **values[SchedulingSettings]),  # type: ignore[arg-type]
        store=replace(StoreSettings(), **values[StoreSettings]),  # type: ignore[arg-type]
    )
