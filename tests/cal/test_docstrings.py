# SPDX-License-Identifier: GPL-3.0-or-later
"""Every public name of the Python API says what it means."""

import inspect

import pytest

from calcore_caldav import cal, recurrent

PUBLIC = {name: getattr(cal, name) for name in cal.__all__}
PUBLIC |= {
    name: value
    for name, value in vars(recurrent).items()
    if inspect.isclass(value) and value.__module__ == recurrent.__name__
}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_have_docstrings(name: str) -> None:
    value = PUBLIC[name]
    if not callable(value):
        return  # a constant's docstring stands in the source
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        for method, function in inspect.getmembers(value, inspect.isfunction):
            own = function.__module__.startswith("calcore_caldav.cal")
            if own and not method.startswith("_"):
                assert inspect.getdoc(function), method
