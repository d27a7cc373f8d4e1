# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a series as values: one instance changed or cancelled (RFC 5545 §3.8.4.4, §3.8.5.1).

`split_series`, which changes all from one instance on, is in `core.splitting`.
"""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.derivation import derived, start_property
from calcore_caldav.core.recurrence import Instance, RecurrenceId, RecurrenceSet
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.splitting import split_series
from calcore_caldav.errors import NotFound

__all__ = ["alone", "cancel_instance", "of_one", "override_instance", "split_series", "with_override"]


def override_instance(obj: CalendarObject, rid: RecurrenceId) -> Component:
    """The component that describes one instance, ready to be edited and stored with `with_override`.

    The override that is there, else one that changes nothing, made from the master or the RANGE=THISANDFUTURE
    override it is under: times in that one's form and zone, RECURRENCE-ID in DTSTART's form, no rules and
    dates. Raises NotFound where the series has no such instance.
    """
    recurrence = obj.recurrence()
    instance = _instance(recurrence, rid)
    own = _own(recurrence, instance)
    return derived(recurrence, instance) if own is None or is_ranged(own) else own


def with_override(obj: CalendarObject, component: Component) -> CalendarObject:
    """The object with an override stored, in place of the one for the same instance.

    What a replaced RANGE=THISANDFUTURE override says stays true for the instances after it.
    """
    recurrence = obj.recurrence()
    key = _key(recurrence, component)
    own = next((c for c in obj.components if key is not None and _key(recurrence, c) == key), None)
    carried = is_ranged(component)
    kept = obj.components if own is None else _without(obj, recurrence, own, carry=not carried)
    return obj.with_components((*kept, component))


def alone(obj: CalendarObject, rid: RecurrenceId) -> CalendarObject:
    """The object in which an override of this and all following dates is one of this date only.

    What it says stays true for the instances after it, by another one; the object itself where it isn't ranged.
    """
    own = obj.overrides.get(rid)
    return obj if own is None or not is_ranged(own) else with_override(obj, of_one(own))


def of_one(component: Component) -> Component:
    """An override of one date only."""
    return component.map(lambda p: p.without_params("RANGE") if p.name == "RECURRENCE-ID" else p)


def cancel_instance(obj: CalendarObject, rid: RecurrenceId, *, keep: bool) -> CalendarObject:
    """The object with one instance cancelled.

    `keep`: as an override with STATUS:CANCELLED, where guests must see it; else by EXDATE, its override
    removed. An object that consists of overrides loses the component; the last one is kept as CANCELLED.
    What a RANGE=THISANDFUTURE override says stays true for the instances after it. Raises NotFound.
    """
    recurrence = obj.recurrence()
    instance = _instance(recurrence, rid)
    series = recurrence.series
    own = _own(recurrence, instance)
    components = [*obj.components] if own is None else _without(obj, recurrence, own, carry=True)
    if keep or (series is None and not components):
        cancelled = override_instance(obj, rid).set("STATUS", "CANCELLED")
        return obj.with_components((*components, cancelled))
    if series is not None and instance.rid is not None:
        excluded = start_property(series, series.key(instance.rid.value))
        master = series.component.adding(Property("EXDATE", excluded.value, excluded.params))
        components = [master if c is series.component else c for c in components]
    return obj.with_components(tuple(components))


def _without(
    obj: CalendarObject, recurrence: RecurrenceSet, own: Component, *, carry: bool
) -> list[Component]:
    """The components without an override; RANGE=THISANDFUTURE is passed on to the instance that follows."""
    components = [c for c in obj.components if c is not own]
    if carry and is_ranged(own) and recurrence.series is not None:
        prop = own.get("RECURRENCE-ID")
        assert prop is not None
        following = _next(recurrence, own, recurrence.series.key(recurrence.zones.value(prop)))
        if following is not None:
            components.append(_with_range(derived(recurrence, following)))
    return components


def _instance(recurrence: RecurrenceSet, rid: RecurrenceId) -> Instance:
    instance = recurrence.instance(rid)
    if instance is None:
        raise NotFound(f"the series has no instance {rid.to_basic()}")
    return instance


def _key(recurrence: RecurrenceSet, component: Component) -> object:
    """What a component's RECURRENCE-ID identifies; None for a master."""
    prop = component.get("RECURRENCE-ID")
    if prop is None:
        return None
    value = recurrence.zones.value(prop)
    return RecurrenceId.of(value) if recurrence.series is None else recurrence.series.key(value)


def _own(recurrence: RecurrenceSet, instance: Instance) -> Component | None:
    """The override of exactly this instance."""
    named = _key(recurrence, instance.component)
    if named is None or instance.rid is None:
        return None
    wanted = instance.rid if recurrence.series is None else recurrence.series.key(instance.rid.value)
    return instance.component if named == wanted else None


def _next(recurrence: RecurrenceSet, own: Component, key: int) -> Instance | None:
    """The first instance after the original start `key` that is under the RANGE override `own`; else None."""
    series = recurrence.series
    assert series is not None
    for following in series.keys_from(key + 1):
        found = recurrence.instance(series.rid(following))
        if found is not None and found.component is own:
            return found
        if found is not None and is_ranged(found.component):
            return None
    return None


def _with_range(component: Component) -> Component:
    return component.map(lambda p: p.with_param("RANGE", "THISANDFUTURE") if p.name == "RECURRENCE-ID" else p)
