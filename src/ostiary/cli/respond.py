"""`ostiary respond`: contain suspected users, step by step, and see whether it worked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.up import environ_of, only_one
from ostiary.cli.workspace import resolved_or_exit, workspace_root
from ostiary.errors import OstiaryError
from ostiary.model.resolve import Resolved
from ostiary.report import response, response_json
from ostiary.spec.workspace import SANDBOX
from ostiary.tenant.client import GraphClient
from ostiary.tenant.response import record
from ostiary.tenant.response.contain import contain
from ostiary.tenant.response.done import Contained
from ostiary.tenant.response.facts import Account, TrustedPlaces, User
from ostiary.tenant.response.meaning import meaning
from ostiary.tenant.response.plan import Earlier, Plan, UserPlan, admit, plan, within
from ostiary.tenant.response.reading import Tenant
from ostiary.tenant.response.record import Record
from ostiary.tenant.response.suspects import Suspect, moment, read
from ostiary.tenant.response.verify import Expected, Verification, verify

CONTAINED, FAILED, PENDING = 0, 1, 2


def respond(  # noqa: PLR0913 (each is an option)
    environment: Annotated[str, typer.Argument(help="The environment whose users are suspected.")],
    *,
    user: Annotated[
        list[str] | None,
        typer.Option(help="A user by principal name or object id; repeat it.", metavar="USER"),
    ] = None,
    users_from: Annotated[
        Path | None,
        typer.Option(help="A file of findings (JSON) or of names, one a line.", metavar="FILE"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="The time of the first suspicious sign-in; by default the sign-in log says it.",
            metavar="TIME",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(help="How far to look back in the sign-in log.", min=1, max=90)
    ] = 30,
    at_most: Annotated[
        int, typer.Option(help="Refuse more users than this.", min=1, metavar="N")
    ] = 20,
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry the plan out, then verify.")
    ] = False,
    verify_only: Annotated[
        bool,
        typer.Option("--verify", help="Only verify; without users, those of the last --apply."),
    ] = False,
    sandbox: Sandbox = False,
    output: Output = Format.TEXT,
) -> None:
    """Plan what contains suspected users, carry it out with --apply, and verify that it worked."""
    if apply and verify_only:
        raise typer.BadParameter("either --apply or --verify", param_hint="--verify")
    root = workspace_root()
    suspects = list(_suspects(user or [], users_from, since))
    within(suspects, at_most)
    if not suspects and not verify_only:
        raise typer.BadParameter("name at least one, or pass --users-from", param_hint="--user")
    resolved = resolved_or_exit(root, environment)
    if resolved.suspected_users is None:
        raise OstiaryError(
            f"`{environment}` has no group of suspected users",
            hint="name it `suspected-users` in `groups`, or name another in `suspectedUsers`",
        )
    environ = environ_of(root, resolved, local=sandbox or environment == SANDBOX)
    folder = root / ".ostiary" / "responses" / environment
    with only_one(root, f"respond-{environment}"):
        known = record.earlier(folder)
        suspects = suspects or _of_latest(folder, environment)
        with Record(folder) as kept, closing(GraphClient(resolved.tenant_id, environ)) as client:
            say(f"recording every call in {kept.file.relative_to(root)}")
            mode = "apply" if apply else "verify" if verify_only else "plan"
            kept.write(
                "run", environment=environment, mode=mode, users=[each.name for each in suspects]
            )
            run = _Run(resolved, client, kept, known, days)
            planned = run.plan(suspects, verify_only=verify_only)
            # As it comes, so that it is told what was done even where verifying fails.
            tell = show if output is Format.TEXT else (lambda _: None)
            if not verify_only:
                _all(tell, run.told(planned))
            done = contain(planned, run.tenant, kept, say) if apply else None
            _all(tell, response.done(done or ()))
            verified = run.verify(planned, done or ()) if apply or verify_only else []
    result, status = _ended(done or (), verified)
    _all(tell, response.verified(verified, planned.group.name))
    tell(response.summary(result, len(planned.users)))
    if output is Format.JSON:
        answer = {
            "result": result,
            "record": str(kept.file),
            "plan": run.json(planned),
            "done": None if done is None else response_json.done(done),
            "verified": response_json.verified(verified),
        }
        show_json(answer)
    raise SystemExit(status)


def _all(tell: Callable[[str], None], lines: Iterable[str]) -> None:
    for line in lines:
        tell(line)


def _ended(done: Sequence[Contained], verified: Sequence[Verification]) -> tuple[str, int]:
    """Sum a run up: a word, and the exit code."""
    if not verified:
        return "planned", PENDING
    verdicts = {each.verdict for each in verified}
    if "not contained" in verdicts or any(each.failures for each in done):
        return "not contained", FAILED
    return ("pending", PENDING) if "pending" in verdicts else ("contained", CONTAINED)


class _Run:
    """One run against one tenant: what is read of it, and what is told of that."""

    def __init__(
        self,
        resolved: Resolved,
        client: GraphClient,
        kept: Record,
        known: Mapping[str, Earlier],
        days: int,
    ) -> None:
        client.graph.listen(kept.hooks)
        self.tenant = Tenant(client.graph)
        self._resolved = resolved
        self._kept = kept
        self._known = known
        self._now = datetime.now(UTC)
        self._days = timedelta(days=days)
        self._trusted = TrustedPlaces(resolved)
        group_id = str(resolved.suspected_users)
        self._group = self.tenant.group(group_id, resolved.names[group_id])
        identity = client.graph.identity()
        kept.write("identity", objectId=identity.object_id, clientId=identity.client_id)
        self._application = identity.application
        self._meaning = meaning(resolved, group_id, client.policies(), client.named_locations())

    def plan(self, suspects: Sequence[Suspect], *, verify_only: bool) -> Plan:
        found = {}
        for each in suspects:
            with self._kept.about(each.name, "read"):
                found[each.name] = self.tenant.who(each.name)
        admitted = admit(suspects, found, self.tenant.guarded(self._resolved))
        if verify_only:
            admitted = tuple((self._as_recorded(each, user), user) for each, user in admitted)
        return plan(
            self._resolved.environment,
            self._group,
            admitted,
            {user.id: self._account(user, suspect.since) for suspect, user in admitted},
            trusted=self._trusted,
            earlier=self._known,
            now=self._now,
        )

    def verify(self, planned: Plan, done: Sequence[Contained]) -> list[Verification]:
        expected = {each.plan.user.id: each.expected for each in done}
        return [
            verify(
                self._account(each.user, each.since),
                expected.get(each.user.id) or self._expected(each),
                self._trusted,
                confined=self._meaning.confined,
            )
            for each in planned.users
        ]

    def _expected(self, of: UserPlan) -> Expected:
        known = self._known.get(of.user.id)
        return Expected(of.since, known.valid_from if known else None)

    def _as_recorded(self, suspect: Suspect, user: User) -> Suspect:
        known = self._known.get(user.id)
        return replace(suspect, since=suspect.since or (known.since if known else None))

    def _account(self, user: User, since: datetime | None) -> Account:
        # Sessions of before are known by what they did before, so the log is read from there.
        oldest = min(since or self._now, self._now - self._days)
        with self._kept.about(user.id, "read"):
            return self.tenant.account(user, self._group, oldest)

    def told(self, planned: Plan) -> Iterator[str]:
        return response.plan(
            planned,
            self._meaning,
            self._trusted.names,
            self._resolved.names,
            application=self._application,
        )

    def json(self, planned: Plan) -> dict[str, Any]:
        return response_json.plan(planned, self._meaning, self._resolved.names)


def _suspects(
    users: Sequence[str], users_from: Path | None, since: str | None
) -> Iterator[Suspect]:
    """Give everybody who is named; `since` is for who brings no time."""
    try:
        given = moment(since) if since else None
    except ValueError:
        raise typer.BadParameter(
            f"`{since}` is no time; write it as 2026-11-20T08:14:00Z", param_hint="--since"
        ) from None
    for each in (*map(Suspect, users), *(read(users_from) if users_from else ())):
        yield replace(each, since=each.since or given)


def _of_latest(folder: Path, environment: str) -> list[Suspect]:
    """Give the users of the latest run that changed something."""
    found = [Suspect(each["user"], moment(each["since"])) for each in record.latest(folder)]
    if not found:
        raise OstiaryError(
            f"there is no record of a response in `{environment}`", hint="name the users to verify"
        )
    return found
