"""`ostiary what-if`: what one environment's policies do to one sign-in, and why."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Annotated, Any

import typer

from ostiary.cli.terminal import Format, Output, show, show_json
from ostiary.cli.workspace import resolved_all_or_exit, workspace_root
from ostiary.errors import Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.names import Names
from ostiary.model.places import Places
from ostiary.model.signals import VALUES, WORDS
from ostiary.proof.examine import policy_set_of
from ostiary.proof.what_if import what_if as decide
from ostiary.report import what_if as report
from ostiary.spec.validate import did_you_mean

USAGE = 64
_HELP = {
    "user": "A user of the environment, an object id, or `other`: one that no policy names.",
    "group": "A group that the user is in; repeat it for more. `none`: in none that policies name.",
    "role": "A role that the user holds; repeat it for more, or `none`.",
    "guest": "The kind of guest, or `none`: an ordinary member.",
    "externalTenant": "The tenant that a guest comes from.",
    "servicePrincipal": "A service principal that signs in, instead of a user.",
    "servicePrincipalRisk": "The risk of the service principal.",
    "app": "The application, or `other`; repeat it for Office365 and such that it belongs to.",
    "userAction": "What the user does, instead of signing in to an application.",
    "flow": "The authentication flow.",
    "sessionFlow": "The flow in which the session began; by default the session begins here.",
    "client": "The kind of client.",
    "platform": "The device platform; `none`: Entra cannot tell.",
    "ip": "The address that Entra sees, IPv4 or IPv6.",
    "country": "The country of the address, in two letters, or `none`.",
    "gpsCountry": "The country that Authenticator tells, or `none`.",
    "location": "A named location that it comes from; `none`: none that only Microsoft knows.",
    "deviceAttribute": "As `isCompliant=true`; repeat it for more. `none`: an unregistered device.",
    "signInRisk": "The risk of the sign-in.",
    "userRisk": "The risk of the user.",
    "insiderRisk": "The insider risk.",
}


def what_if(
    environment: str, *, plain: bool, unknown: list[str], output: Format, **said: list[str]
) -> None:
    """Say what becomes of one sign-in, by which policies, and which unknown signal matters.

    What is not given is unknown, and the answer says where that matters.
    """
    workspace, (resolved,) = resolved_all_or_exit(workspace_root(), [environment])
    values: dict[str, tuple[str, ...]] = {
        word: tuple(_whole(word, each) for each in said[_parameter(word)])
        for word in WORDS
        if said[_parameter(word)]
    }
    names = Names(workspace.environments[environment], [])
    asked = Asked(values, frozenset(_word(each) for each in unknown), plain)
    made = sign_in(asked, names, lambda word: Location(_option(word)), resolved.known_locations)
    if names.found:
        for each in names.found:
            print(each, file=sys.stderr)  # noqa: T201 (the command line prints)
        raise SystemExit(USAGE)
    answer = decide(policy_set_of(resolved), made)
    places = Places(workspace, environment)
    if output is Format.JSON:
        show_json(report.json(answer, resolved, places))
    else:
        for line in report.text(answer, resolved, places):
            show(line)


def _parameter(word: str) -> str:
    return re.sub("([A-Z])", r"_\1", word).lower()


def _option(word: str) -> str:
    return f"--{_parameter(word).replace('_', '-')}"


def _word(text: str) -> str:
    """Find the word that an option's name or the word itself means."""
    for word in WORDS:
        if text in (word, _option(word).removeprefix("--")):
            return word
    hint = did_you_mean(text, WORDS) or f"known words: {', '.join(WORDS)}"
    raise typer.BadParameter(f"`{text}` is no signal; {hint}", param_hint="--unknown")


def _whole(word: str, text: str) -> str:
    """Complete a value of which only the beginning was given: `deviceCode`, `ios`."""
    known = VALUES.get(word, ())
    begin = [each for each in known if each.casefold().startswith(text.casefold())]
    exact = [each for each in begin if each.casefold() == text.casefold()]
    found = exact or begin
    return found[0] if len(found) == 1 else text


def _options() -> list[inspect.Parameter]:
    """Give the options of the command: one for each word of a sign-in."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    made = [
        inspect.Parameter(
            "environment",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=Annotated[str, typer.Argument(help="The environment to ask.")],
        )
    ]
    for word in WORDS:
        values = [each for each in VALUES.get(word, ()) if each != "unknownFutureValue"]
        metavar = "|".join(values) if values else _parameter(word).upper()
        option = typer.Option(_option(word), help=_HELP[word], metavar=metavar)
        made.append(_list(_parameter(word), option))
    unknown = typer.Option(
        "--unknown",
        help="Leave a word open: unknown even with --plain, or more groups than those given.",
        metavar="WORD",
    )
    plain = typer.Option("--plain", help="What is not given is plain: a member in no group, ...")
    return [
        *made,
        _list("unknown", unknown),
        inspect.Parameter("plain", keyword, default=False, annotation=Annotated[bool, plain]),
        inspect.Parameter("output", keyword, default=Format.TEXT, annotation=Output),
    ]


def _list(name: str, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=[],
        annotation=Annotated[list[str], option],
    )


# Typer makes the options from the signature; the words of a sign-in are listed once, in `signals`.
what_if.__signature__ = inspect.Signature(_options())  # type: ignore[attr-defined]  # no function has it by itself
what_if.__annotations__ = {each.name: each.annotation for each in _options()}
