"""Who is to blame for an opening, and what would close it, in words with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.errors import Location
from ostiary.model.edits import Edit, everything
from ostiary.model.places import Places
from ostiary.model.policy import Policy
from ostiary.model.sign_in import SignIn
from ostiary.proof.blame import Blame, Culprit
from ostiary.proof.clues import Clue
from ostiary.proof.repairs import Repair
from ostiary.report.words import Names, joined, named, requirements
from ostiary.spec.environment import GUID

# Near misses beyond these are told by their number.
MOST_REASONS = 4
_KINDS = {
    "Users": "the user",
    "Groups": "the group",
    "Roles": "the role",
    "Applications": "the application",
    "Platforms": "the platform",
    "Locations": "the location",
    "GuestsOrExternalUsers": "guests of the type",
    "ServicePrincipals": "the service principal",
    "UserActions": "the user action",
}
_FILTERS = ("deviceFilter", "applicationFilter", "servicePrincipalFilter")
_STATES = {"disabled": "is disabled", "enabledForReportingButNotEnforced": "is report-only"}
# Lists of words, the signal that they are about, and what to call it.
_WORDS = {
    "clientAppTypes": ("client_app_type", "the client app type"),
    "includePlatforms": ("platform", "the platform"),
    "signInRiskLevels": ("sign_in_risk", "the sign-in risk"),
    "userRiskLevels": ("user_risk", "the user risk"),
    "insiderRiskLevels": ("insider_risk", "the insider risk"),
}


def because(of: Blame, sign_in: SignIn, names: Names, places: Places) -> Iterator[str]:
    """Tell what is to blame, a line with its place for each condition of each policy."""
    misses = of.nearest
    for miss in misses[:MOST_REASONS]:
        for each in miss.clues:
            place = place_of(miss.policy, each, places)
            yield f"{place}: `{miss.policy.key}` {clue(each, miss.policy, sign_in, names)}"
    if len(misses) > MOST_REASONS:
        yield f"and {len(misses) - MOST_REASONS} more policies that are as near"
    for culprit in of.culprits:
        place = places.condition(culprit.policy.key, "grantControls")
        yield f"{place}: `{culprit.policy.key}` {_offence(culprit, names)}"
    if not misses and not of.culprits:
        yield "no policy comes near to deciding it"


def _offence(of: Culprit, names: Names) -> str:
    what = f"asks for {requirements(of.demanded, names)}" if of.demanded else "blocks it"
    return f"{what}, by {taken_in(of.by, names)}"


def taken_in(by: Iterable[Clue], names: Names) -> str:
    """Tell the entries by which a policy applies: `includeUsers: All`."""
    return joined([f"{each.of} {entry(each.of, each.entry or '', names)}" for each in by])


def clue(of: Clue, policy: Policy, sign_in: SignIn, names: Names) -> str:
    """Tell why a condition is not met."""
    if of.of == "state":
        return _STATES[of.entry or ""]
    if of.of in _FILTERS:
        rule = policy.conditions.device_filter.rule if policy.conditions.device_filter else ""
        if of.entry is None:
            return f"is only for what `{rule}` is true of"
        return f"exempts what `{of.entry}` is true of"
    if of.entry is not None:
        kind = _KINDS[of.of.removeprefix("exclude")]
        return f"excludes {kind} {entry(of.of, of.entry, names)}"
    return f"does not include {_lacking(of.of, sign_in)}"


def _lacking(of: str, sign_in: SignIn) -> str:
    if of in _WORDS:
        signal, kind = _WORDS[of]
        value = getattr(sign_in, signal)
        return f"{kind} `{value}`" if isinstance(value, str) else f"{kind} it comes with"
    if of == "transferMethods":
        flows = dict.fromkeys((sign_in.authentication_flow, sign_in.session_flow))
        said = [f"`{each}`" for each in flows if each != "none"] or ["`none`"]
        return f"the authentication flow {joined(said, 'or')}"
    if of == "includeLocations":
        return "where it comes from"
    return _KINDS.get(of.removeprefix("include"), "it")


def entry(of: str, value: str, names: Names) -> str:
    """Tell an entry of a list; named locations stand in files by their key."""
    key = of.endswith("Locations") and not GUID.match(value)
    return f"`{value}`" if key else named(value, names)


def place_of(policy: Policy, of: Clue | Edit, places: Places) -> Location:
    """Give the place of what is to blame, or to change."""
    if of.of == "state":
        return places.state(policy.key)
    if of.of == "deviceFilter":
        return places.condition(policy.key, "conditions", "devices", of.of)
    if of.of in _FILTERS:
        part = "applications" if of.of == "applicationFilter" else "clientApplications"
        return places.condition(policy.key, "conditions", part, of.of)
    if of.of == "insiderRiskLevels":
        return places.condition(policy.key, "conditions", of.of)
    return places.of(policy.key, of.of, of.entry or "")


def repair(of: Repair, policies: dict[str, Policy], names: Names, places: Places) -> str:
    """Tell edits, and what is proven of them."""
    told = [edit(each, policies[each.policy], names, places) for each in of.edits]
    proven = "proven to close it" if of.proves else "proven to close this, and not all of it"
    if of.breaks:
        proven += f", but then {joined([f'`{each}`' for each in of.breaks])} would not hold"
    if of.reaches_further:
        proven += "; other sign-ins change too"
    return f"{', and '.join(told)} ({proven})"


def edit(of: Edit, policy: Policy, names: Names, places: Places) -> str:
    """Tell one edit."""
    place = place_of(policy, of, places)
    what = entry(of.of, of.entry, names)
    match of.kind:
        case "remove":
            return f"remove {what} from {of.of} at {place}"
        case "add" if of.of == "deviceFilter":
            return f"exclude devices by the filter {what} in {place.path}"
        case "add":
            return f"add {what} to {of.of} of {place.path}"
        case "widen":
            return f"set {of.of} to [{everything(of.of)}] in {place.path}"
        case "drop":
            return f"remove {of.of} from {place.path}"
        case "enable":
            return f"set the state to enabled at {place}"
