"""The example in the help of each verb is a command that runs, as text and as JSON."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from ostiary.cli.main import VERBS
from tests.engine.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e

DONE, PENDING = 0, 2


def commit(checkout: Checkout, message: str) -> None:
    identity = ["-c", "user.name=a test", "-c", "user.email=test@contoso.com"]
    subprocess.run(["git", "add", "policies", "environments"], cwd=checkout.root, check=True)
    subprocess.run(
        ["git", *identity, "commit", "--quiet", "--message", message], cwd=checkout.root, check=True
    )


def helped(checkout: Checkout, *verb: str) -> str:
    done = checkout.run(*verb, "--help", COLUMNS="200", TERM="dumb")
    assert done.code == DONE, done.text
    return done.stdout


def examples(checkout: Checkout) -> dict[str, str]:
    """Give the help of each command that does something, by its example."""
    found: dict[str, str] = {}
    for verb in VERBS:
        pages = [helped(checkout, verb)]
        if "Commands" in pages[0]:
            below = re.findall(r"^│ (\w+) ", pages[0].partition("Commands")[2], re.MULTILINE)
            pages += [helped(checkout, verb, each) for each in below]
        for page in pages:
            (example,) = re.findall(r"Example: ostiary (.*?) *$", page, re.MULTILINE)
            assert example.split()[0] == verb
            found[example] = page
    return found


def furnish(checkout: Checkout) -> None:
    """Let there be who the example of `respond` names, and the groups that it looks at."""
    resolved = checkout.specified()
    ids = {name: identity for identity, name in resolved.names.items()}
    ada, glass = (f"{n}0000000-0000-4000-8000-000000000001" for n in "ab")
    users = [
        {"id": ada, "userPrincipalName": "ada@contoso.com"},
        {"id": glass, "userPrincipalName": "glass@contoso.com"},
    ]
    groups = [
        {"id": ids["emergency-access"], "members": [glass]},
        {"id": ids["suspected-users"]},
    ]
    checkout.sandbox.furnish(resolved.tenant_id, {"users": users, "groups": groups})


def test_the_example_of_each_verb_runs(deployed: Checkout) -> None:
    furnish(deployed)
    subprocess.run(["git", "init", "--quiet"], cwd=deployed.root, check=True)
    commit(deployed, "before")
    deployed.change("policies/subject.yaml", lambda data: data.update(state="disabled"))
    commit(deployed, "after")
    for example, page in examples(deployed).items():
        arguments = shlex.split(example)
        done = deployed.run(*arguments)
        assert done.code in {DONE, PENDING}, (example, done.text)
        assert done.stdout.strip(), example
        assert "Traceback" not in done.text
        if re.search(r"--format +<[^>]*json", page) and "--format" not in arguments:
            told = deployed.run(*arguments, "--format", "json")
            assert told.code in {DONE, PENDING}, (example, told.text)
            json.loads(told.stdout)
