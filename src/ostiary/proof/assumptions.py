"""What every proof rests on beside the policies: what Microsoft does not say, and what is left out.

One list, so that no page and no report has another.  Where a rule of `conditions` or `evaluate` is
assumed, it says so there too; docs/semantics.md tells them all in their places.
"""

from __future__ import annotations

from dataclasses import dataclass

_L = "https://learn.microsoft.com/entra/identity/conditional-access/"
_G = "https://learn.microsoft.com/graph/api/"


@dataclass(frozen=True, slots=True)
class Assumption:
    """A sentence, and Microsoft's page that it follows or that is silent about it."""

    title: str
    says: str
    page: str


# What proofs are about, and what they leave out.
SCOPE = (
    Assumption(
        "Managed policies only",
        "The policies and named locations of these files decide. What else the tenant holds is not "
        "counted: other policies can close more and keep people out, and open nothing; a trusted "
        "location that is not here opens what a policy with `AllTrusted` excludes. "
        "`ostiary preflight` holds the goals against all of it.",
        f"{_L}concept-conditional-access-policies",
    ),
    Assumption(
        "Enabled policies only",
        "Policies that are disabled or report-only protect nothing, and are never counted.",
        f"{_L}concept-conditional-access-report-only",
    ),
    Assumption(
        "From the next token on",
        "A policy decides when a token is asked for. Tokens that were given before keep their "
        "hour, or longer where continuous access evaluation applies.",
        f"{_L}concept-continuous-access-evaluation",
    ),
    Assumption(
        "What no policy reaches",
        "Conditional Access comes after the first factor, does not cover managed identities, and "
        "covers service principals only by policies for workloads, of single-tenant applications.",
        f"{_L}workload-identity",
    ),
    Assumption(
        "Who satisfies a control is not judged",
        "A sign-in that must do multifactor authentication counts as protected by it, however weak "
        "the method or however it was registered.",
        f"{_L}concept-conditional-access-grant",
    ),
    Assumption(
        "Names stand for the ids in the environment's file",
        "That a group holds whom its name says is the directory's business. Nothing is known of "
        "memberships but what `facts` declare; any user may be in any groups and roles.",
        f"{_L}concept-conditional-access-users-groups",
    ),
)

# What Entra does, where its pages are silent or speak with two voices.
ENTRA = (
    Assumption(
        "The device in device code flow",
        "Microsoft says that the state of the device is not supported there, and What If takes "
        "one. Proofs hold under both: no device is seen, or the one that is given.",
        f"{_L}concept-conditional-access-grant",
    ),
    Assumption(
        "A device control blocks device code flow",
        "Nobody can satisfy `compliantDevice` or `domainJoinedDevice` there. It keeps everybody "
        "out, and yet does not count where a goal says `blocked`.",
        f"{_L}concept-conditional-access-grant",
    ),
    Assumption(
        "Which address counts",
        "In device code flow it is not documented whether the address of the browser or that of "
        "the polling client is judged first. An exception by location is no defence against a "
        "victim who is there.",
        f"{_L}concept-assignment-network",
    ),
    Assumption(
        "Protocol tracking",
        "A session that began by device code or authentication transfer stays marked, and a policy "
        "on flows applies to it later too. Proofs take any combination of the two.",
        f"{_L}concept-authentication-flows",
    ),
    Assumption(
        "Baseline scopes and excluded resources",
        "A sign-in that asks for no more than baseline scopes is one to Windows Azure Active "
        "Directory. In a tenant that has opted out, a policy on all resources that excludes one "
        "does not apply to it.",
        f"{_L}concept-enforcement-resource-exclusions",
    ),
    Assumption(
        "Applications in suites",
        "Which application belongs to Office365 or MicrosoftAdminPortals only Microsoft knows: in "
        "proofs, any may.",
        f"{_L}reference-office-365-application-contents",
    ),
    Assumption(
        "Applications that cannot be chosen",
        "Some of Microsoft's applications are in no list, and a policy reaches them by `All` only. "
        "What a sign-in to one application needs of another is a sign-in of its own.",
        f"{_L}service-dependencies",
    ),
    Assumption(
        "User actions and policies on all resources",
        "What If counts them in. That this holds where a policy excludes some resources, or has a "
        "filter for applications, is assumed.",
        f"{_G}conditionalaccessroot-evaluate",
    ),
    Assumption(
        "Filters for applications and service principals",
        "A filter adds to the list of its mode, as the lists add to each other.",
        f"{_L}concept-filter-for-applications",
    ),
    Assumption(
        "The grammar of filters",
        "It is that of dynamic membership rules, in every detail; values are compared without "
        "regard to case.",
        "https://learn.microsoft.com/entra/identity/users/groups-dynamic-membership",
    ),
    Assumption(
        "External tenants and internal guests",
        "A condition on tenants says nothing of internal guests, who come from none.",
        f"{_G}resources/conditionalaccessguestsorexternalusers",
    ),
    Assumption(
        "Client types that are not set",
        "A policy that lists none, as those of before 2020-08 may, is for all.",
        f"{_G}resources/conditionalaccessconditionset",
    ),
    Assumption(
        "A position that is not given",
        "Where Authenticator gives no position, the country counts as unknown.",
        f"{_L}concept-assignment-network",
    ),
    Assumption(
        "Values that Microsoft will add",
        "Each enumeration has a class for them: no policy names it, and `all` takes it in.",
        f"{_G}resources/conditionalaccessconditionset",
    ),
)
