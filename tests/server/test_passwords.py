# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords and tokens."""

from __future__ import annotations

import pytest

from calcore_caldav.server import passwords
from calcore_caldav.server.passwords import PasswordCheck, hash_password, is_password_hash


def test_a_right_password_is_checked_once(monkeypatch):
    checked = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda h, p: checked.append(p) or real(h, p))
    check = PasswordCheck()
    stored = hash_password("secret")
    assert check.verify("ann", stored, "secret")
    assert check.verify("ann", stored, "secret")
    assert checked == ["secret"]
    assert not check.verify("ann", stored, "other")
    assert check.verify("ann", stored, "secret")
    assert checked == ["secret", "other"]


def test_a_changed_hash_counts_at_once():
    check = PasswordCheck()
    assert check.verify("ann", hash_password("old"), "old")
    new = hash_password("new")
    assert not check.verify("ann", new, "old")
    assert check.verify("ann", new, "new")


def test_an_unknown_name_costs_as_much(monkeypatch):
    checked = []
    monkeypatch.setattr(passwords, "matches", lambda h, _: bool(checked.append(h)))
    assert not PasswordCheck().verify("nobody", None, "x")
    assert len(checked) == 1
    assert checked[0].split("$")[:4] == hash_password("x").split("$")[:4]


@pytest.mark.parametrize("password", ["ü" * 100, "x" * 5000, " ", "\udce9"])
def test_odd_passwords(password):
    try:
        stored = hash_password(password)
    except UnicodeError:
        stored = hash_password("x")
        assert not PasswordCheck().verify("ann", stored, password)
    else:
        assert PasswordCheck().verify("ann", stored, password)


def test_hashes_are_recognised():
    assert is_password_hash(hash_password("x"))
    assert is_password_hash("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 22)
    assert not is_password_hash("$argon2id$nonsense")
    assert not is_password_hash("{SSHA}abc")


def test_tokens_are_recognisable_and_random():
    token = passwords.new_token()
    assert passwords.is_token(token)
    assert token != passwords.new_token()
    assert passwords.token_digest(token) != token
