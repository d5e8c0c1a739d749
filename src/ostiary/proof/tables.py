"""Policies → tables that decide one sign-in in a few look-ups, as `evaluate` does.

A set of policies is an int with a bit for each.  Those of a sign-in are the intersection of what
each of its dimensions lets through, and what kinds of policies amount to together is worked out
once.  Unknown signals keep their meaning: some policies surely apply, others may.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping
from ipaddress import IPv4Address
from itertools import chain
from typing import Any, Generic, TypeVar, get_args

from ostiary.model.policy import Policy, PolicySet
from ostiary.model.sign_in import Attributes, SignIn, Unknown, Unregistered
from ostiary.proof.bounds import Bounds
from ostiary.proof.conditions import DeviceCodeDevice
from ostiary.proof.dimensions import Devices, Identities, Request, Requests, Targets
from ostiary.proof.enforce import Enforced, Provable, deciding, enforce, kind, provable_by
from ostiary.proof.located import Place, Places

# What is found for values of signals is kept, for up to so many of each dimension.
_MOST_KEPT = 1 << 16

Key = TypeVar("Key", bound=Hashable)
Object = TypeVar("Object")
Value = TypeVar("Value")


class Tables:
    """The policies of a tenant, compiled.

    `policies` are in the order of their bits: enabled ones that block, the other enabled ones with
    those of one kind side by side, and report-only ones.  Disabled policies apply to nothing and
    are left out.  `kinds` has the bits of each kind of enabled policies; `blocking` are the first.

    What is found for the identity, the target and the device of a sign-in is kept by these very
    objects: they must not change, and sign-ins that share them are decided fastest.
    """

    def __init__(
        self, policy_set: PolicySet, *, device_code_device: DeviceCodeDevice = "unavailable"
    ) -> None:
        """Compile, `device_code_device` being that of `evaluate`.

        Raises FilterSyntaxError for a filter rule that cannot be read, if its policy is not
        disabled.
        """
        enabled: dict[Hashable, list[Policy]] = {"block": []}
        for each in policy_set.policies:
            if each.state == "enabled":
                enabled.setdefault(kind(each), []).append(each)
        report_only = "enabledForReportingButNotEnforced"
        self.policies: tuple[Policy, ...] = (
            *chain.from_iterable(enabled.values()),
            *(each for each in policy_set.policies if each.state == report_only),
        )
        self.kinds: list[int] = []
        after = 0
        for alike in enabled.values():
            before, after = after, after + len(alike)
            self.kinds.append((1 << after) - (1 << before))
        self.blocking = self.kinds[0]
        self.bounds = Bounds(len(self.policies))
        conditions = [each.conditions for each in self.policies]
        self.identities = Identities(self.bounds, conditions)
        self.targets = Targets(self.bounds, conditions)
        self.requests = Requests(self.bounds, conditions)
        self.devices = Devices(self.bounds, conditions, device_code_device)
        self.places = Places(self.bounds, conditions, policy_set.named_locations)
        self._ipv4 = self.places.addresses.ipv4
        self._place: dict[tuple[Any, ...], int] = _Kept(lambda of: self.places.reached(Place(*of)))
        self._request: dict[tuple[Any, ...], tuple[int, int, dict[int, Enforced]]] = _Kept(
            self._of_request
        )
        self._identity = _ByObject(self.identities.reached)
        self._target = _ByObject(self.targets.reached)
        self._device = _ByObject(self._of_device)
        self._alike: dict[str, tuple[int, int, int]] = {}
        self._enabled = sum(self.kinds)
        # The highest bit of each kind, and those below it; see `decide`.
        self._tops = [each + (each & -each) >> 1 for each in self.kinds]
        self._top = self.bounds.known(sum(self._tops))
        self._below = self.bounds.known(self._enabled - sum(self._tops))
        self._enforced: dict[tuple[Provable, int, int], Enforced] = _Kept(self._of_kinds)
        self._by_tops: dict[Provable, dict[int, Enforced]] = {
            each: self._where(each) for each in get_args(Provable)
        }

    def applying(self, sign_in: SignIn) -> int:
        """Give the bits of the policies that surely apply, report-only ones among them."""
        return self._found(sign_in)[0] & self.bounds.all

    def possible(self, sign_in: SignIn) -> int:
        """Give the bits of the policies that may apply: those that surely do, and more."""
        return self._found(sign_in)[0] >> self.bounds.size

    def decide(self, sign_in: SignIn) -> Enforced:
        """Give the outcome and what it consists of: the effect that `evaluate` finds."""
        found, enforced = self._found(sign_in)
        # Adding all bits below the highest one of a kind carries into that if any of them is set:
        # so each kind that is found has its highest bit set, and few different sets are left.
        return enforced[((found & self._below) + self._below | found) & self._top]

    def deciding(self, sign_in: SignIn) -> list[Policy]:
        """Give the policies that the outcome rests on; takes longer than all of `decide`."""
        surely = self.applying(sign_in) & self._enabled
        undecided = self.possible(sign_in) & self._enabled & ~surely
        return deciding(self.decide(sign_in), self.named(surely), self.named(undecided))

    def enforced(self, surely: int, possibly: int, provable: Provable) -> Enforced:
        """Give what kinds of policies amount to, by bits of `kinds`, where so much can be proven.

        `surely` are those with policies that surely apply, `possibly` those with some that may.
        """
        return self._enforced[provable, surely, possibly]

    def named(self, policies: int) -> Iterator[Policy]:
        """Give the policies whose bits are set."""
        while policies:
            lowest = policies & -policies
            yield self.policies[lowest.bit_length() - 1]
            policies ^= lowest

    def _found(self, of: SignIn) -> tuple[int, dict[int, Enforced]]:
        """Give the sign-in's policies, as in `bounds`, and what kinds, by their tops, amount to."""
        by_identity = self._identity.found.get(id(of.identity))
        if by_identity is None:
            by_identity = self._identity.add(of.identity)
        by_target = self._target.found.get(id(of.target))
        if by_target is None:
            by_target = self._target.add(of.target)
        by_device = self._device.found.get(id(of.device))
        if by_device is None:
            by_device = self._device.add(of.device)
        by_request, hidden, enforced = self._request[
            of.client_app_type,
            of.authentication_flow,
            of.session_flow,
            of.platform,
            of.sign_in_risk,
            of.user_risk,
            of.insider_risk,
        ]
        address = of.ip_address
        if isinstance(address, IPv4Address):
            # Most are: this is `number`, without the call.
            first, numbers = self._ipv4
            number = numbers[bisect_right(first, int(address)) - 1]
        else:
            number = self.places.addresses.number(address)
        by_place = self._place[
            number, of.in_mfa_trusted_ips, of.country, of.gps_country, of.other_locations
        ]
        return by_identity & by_target & by_request & by_place & by_device[hidden], enforced

    def _of_request(self, signals: tuple[Any, ...]) -> tuple[int, int, dict[int, Enforced]]:
        of = Request(*signals)
        provable = provable_by(of.client_app_type, of.authentication_flow)
        return self.requests.reached(of), self.devices.hidden(of), self._by_tops[provable]

    def _of_device(self, device: Attributes | Unregistered | Unknown) -> tuple[int, int, int]:
        if not isinstance(device, Mapping):
            return self.devices.reached(device)
        # Devices come as new objects more often than with new values of what rules look at; their
        # texts tell True, "True" and 1 apart, and no value's text is that of what is missing.
        alike = repr([device.get(each, ...) for each in self.devices.attributes])
        if len(self._alike) >= _MOST_KEPT:
            self._alike.clear()
        if alike not in self._alike:
            self._alike[alike] = self.devices.reached(device)
        return self._alike[alike]

    def _of_kinds(self, of: tuple[Provable, int, int]) -> Enforced:
        provable, surely, possibly = of
        # One policy speaks for its kind.  One that may apply besides another of its kind that
        # surely does is harmless.
        some = [next(self.named(each)) if each else None for each in self.kinds]
        applying, undecided = (
            [each for at, each in enumerate(some) if each and kinds >> at & 1]
            for kinds in (surely, possibly)
        )
        return enforce(applying, undecided, provable)

    def _where(self, provable: Provable) -> dict[int, Enforced]:
        def find(tops: int) -> Enforced:
            surely, possibly = (
                sum(1 << at for at, top in enumerate(self._tops) if half & top)
                for half in (tops, tops >> self.bounds.size)
            )
            return self._enforced[provable, surely, possibly]

        return _Kept(find)


class _Kept(dict[Key, Value]):
    """What `find` gives for each key that was asked for."""

    def __init__(self, find: Callable[[Key], Value]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: Key) -> Value:
        if len(self) >= _MOST_KEPT:
            self.clear()
        value = self[key] = self._find(key)
        return value


class _ByObject(Generic[Object, Value]):
    """What `find` gives for each object, by its `id`: hashing it would take longer than the rest.

    The objects are kept too, because the `id` of one that is gone may become another's.
    """

    def __init__(self, find: Callable[[Object], Value]) -> None:
        self.found: dict[int, Value] = {}
        self._kept: list[Object] = []
        self._find = find

    def add(self, each: Object) -> Value:
        """Find, and keep what is found."""
        if len(self._kept) >= _MOST_KEPT:
            self.found.clear()
            self._kept.clear()
        value = self._find(each)
        self.found[id(each)] = value
        self._kept.append(each)
        return value
