import json

import pytest

from cloned.core.verbs import Role
from cloned.errors import MissingError, UsageError
from cloned.status.auth import Auth, Visitor
from cloned.status.tokens import FILE, SCOPES, Tokens, digest

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def test_a_token_is_told_once_and_kept_as_a_hash(tmp_path):
    token = Tokens(tmp_path).make("prometheus", "read")
    kept = (tmp_path / FILE).read_text()
    assert token not in kept
    assert digest(token) in kept
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("scope", "role"), SCOPES.items())
def test_a_scope_says_what_its_holder_may(tmp_path, scope, role):
    tokens = Tokens(tmp_path)
    assert Tokens(tmp_path).holder(tokens.make("one", scope)) == ("one", role)
    assert tokens.holder("cloned_guessed") is None


def test_one_that_was_dropped_is_worth_nothing_also_in_a_daemon_that_runs(tmp_path):
    running, beside = Auth(tmp_path), Tokens(tmp_path)
    token = beside.make("desk", "act")
    assert running.machine(token) == Visitor("desk", Role.VOLUNTEER)
    beside.drop("desk")
    assert running.machine(token) is None


def test_tokens_of_the_configuration_act(tmp_path):
    auth = Auth(tmp_path, {"old": digest("of before")})
    assert auth.machine("of before") == Visitor("old", Role.VOLUNTEER)


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 41, "-x"])
def test_a_name_is_plain(tmp_path, name):
    with pytest.raises(UsageError, match="no name"):
        Tokens(tmp_path).make(name, "read")


def test_no_name_is_given_twice_and_none_dropped_that_is_not_there(tmp_path):
    tokens = Tokens(tmp_path)
    tokens.make("one", "read")
    with pytest.raises(UsageError, match="called one"):
        tokens.make("one", "act")
    with pytest.raises(UsageError, match="called two"):
        tokens.drop("two")


@pytest.mark.parametrize("told", ["", "[]", '{"tokens": [{"name": "x"}]}', json.dumps({"tokens": [
    {"name": "x", "scope": "everything", "sha256": "0", "made": ""}]})])  # fmt: skip
def test_a_damaged_file_lets_nobody_in(tmp_path, told):
    (tmp_path / FILE).write_text(told)
    with pytest.raises(MissingError, match="cannot be read"):
        Tokens(tmp_path).holder("x")
