"""The command `ostiary`: the only place that prints and exits.

A verb imports only what it needs, so that `ostiary check` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import cast

import typer

from ostiary.cli.terminal import fail
from ostiary.errors import OstiaryError
from ostiary.sandbox import SandboxError

USAGE, INTERRUPTED = 64, 130
# Typer exports one of the ways in which a command cannot be understood; all share its base.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])

# The module of each verb, and a line to try it with in the folder of a workspace.
VERBS = {
    "check": ("check", "ostiary check contoso-prod"),
    "prove": ("prove", "ostiary prove contoso-prod --goal everybody-needs-mfa"),
    "what-if": ("what_if", "ostiary what-if contoso-prod --flow deviceCodeFlow --ip 203.0.113.7"),
    "exceptions": ("check", "ostiary exceptions contoso-prod --format json"),
    "guarantees": ("check", "ostiary guarantees contoso-dev contoso-prod"),
    "diff": ("diff", "ostiary diff contoso-dev --with contoso-prod"),
    "drift": ("drift", "ostiary drift sandbox --format json"),
    "snapshot": ("restore", "ostiary snapshot sandbox"),
    "restore": ("restore", "ostiary restore sandbox --deleted"),
    "explain": ("explain", "ostiary explain unknown-location"),
    "up": ("up", "ostiary up sandbox"),
    "adopt": ("adopt", "ostiary adopt sandbox"),
    "preflight": ("preflight", "ostiary preflight sandbox --format json"),
    "pulumi": ("up", "ostiary pulumi sandbox stack history"),
    "respond": (
        "respond",
        "ostiary respond sandbox --user ada@contoso.com --since 2026-11-20T08:14:00Z",
    ),
    "policy-pack": ("policy_pack", "ostiary policy-pack .ostiary/policy-pack"),
    "rollout": ("rollout", "ostiary rollout --ring pilot --preview --sandbox"),
    "promote": ("promote", "ostiary promote contoso-prod"),
    "affected": ("affected", "ostiary affected --base HEAD~1 --format lines"),
    "engine": ("engine", "ostiary engine --format json"),
    "sandbox": ("sandbox", "ostiary sandbox status"),
}


def application(verb: str | None = None) -> typer.Typer:
    """Make the command line: with one verb, or with all where `verb` is none of them."""
    app = typer.Typer(
        name="ostiary",
        help="Microsoft Entra Conditional Access policies as code.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    # Typer takes away the name of a command that is alone, unless there is something above it.
    app.callback()(lambda: None)
    for name in [verb] if verb in VERBS else VERBS:
        of, example = VERBS[name]
        module, epilog = import_module(f"ostiary.cli.{of}"), f"Example: {example}"
        if name == "sandbox":
            app.add_typer(module.app, name=name, epilog=epilog)
        else:
            settings = {"ignore_unknown_options": name == "pulumi"}
            app.command(name, context_settings=settings, epilog=epilog)(
                getattr(module, name.replace("-", "_"))
            )
    return app


def main() -> None:
    """Run the command line; ends with the exit code of what went wrong.

    64 for a command that cannot be understood, 130 when interrupted, else the error's own.
    """
    try:
        status = application(next(iter(sys.argv[1:]), None))(standalone_mode=False)
    except _UsageError as error:
        error.show()
        raise SystemExit(USAGE) from None
    except (OstiaryError, SandboxError) as error:
        fail(error)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:  # Typer gives it as a status where it met Ctrl-C itself
        sys.stderr.write("\ninterrupted: the same command goes on from here\n")
    raise SystemExit(status)
