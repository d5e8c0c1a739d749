"""Carry a plan out: devices, then membership, then sessions, each recorded before and after.

What fails stops nothing that follows: a member whose sessions are revoked is better off than one
left alone, though a device that stays enabled may bring its sessions back.  The result says so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ostiary.errors import TenantError
from ostiary.tenant.response.done import Contained, Failure, Step
from ostiary.tenant.response.facts import Device, Directory
from ostiary.tenant.response.plan import Plan, UserPlan
from ostiary.tenant.response.record import Record


def contain(
    plan: Plan, tenant: Directory, record: Record, tell: Callable[[str], None]
) -> list[Contained]:
    """Carry a plan out, user by user; never raises TenantError, as one failure must not stop it."""
    for each in plan.users:
        record.planned(each)
    done = []
    for each in plan.users:
        tell(f"containing {each.user.name}")
        done.append(_Containment(plan, each, tenant, record).carry_out())
    return done


class _Containment:
    """The steps for one user."""

    def __init__(self, plan: Plan, of: UserPlan, tenant: Directory, record: Record) -> None:
        self._group = plan.group.id
        self._plan = of
        self._user = of.user.id
        self._tenant = tenant
        self._record = record
        self._done = Contained(of)

    def carry_out(self) -> Contained:
        for device in self._plan.disable:
            if self._step("devices", partial(self._disable, device), device):
                self._done.disabled.append(device)
        if self._plan.join:
            self._done.joined = self._step("membership", self._join)
        if self._plan.revoke:
            self._done.revoked = self._step("sessions", self._revoke)
        return self._done

    def _step(self, step: Step, act: Callable[[], None], device: Device | None = None) -> bool:
        with self._record.about(self._user, step):
            try:
                act()
            except TenantError as error:
                self._record.write("failed", user=self._user, step=step, reason=str(error))
                self._done.failures.append(Failure(step, str(error), error.hint, device))
                return False
        self._record.write("done", user=self._user, step=step)
        return True

    def _disable(self, device: Device) -> None:
        self._despite(
            lambda: self._tenant.disable_device(device.id),
            lambda: any(
                each.id == device.id and each.enabled is False
                for each in self._tenant.devices(self._user)
            ),
        )

    def _join(self) -> None:
        self._despite(
            lambda: self._tenant.add_member(self._group, self._user),
            lambda: self._tenant.is_member(self._group, self._user),
        )

    def _revoke(self) -> None:
        # As planned, not read anew: nothing that may fail stands before this.
        before = self._plan.user.sessions_valid_from
        self._despite(
            lambda: self._tenant.revoke_sessions(self._user),
            lambda: self._tenant.user(self._user).sessions_valid_from != before,
        )

    @staticmethod
    def _despite(act: Callable[[], None], is_so: Callable[[], bool]) -> None:
        """Act; an error is none if what was wanted is so: only the answer was lost."""
        try:
            act()
        except TenantError as error:
            with suppress(TenantError):
                if is_so():
                    return
            raise error from None
