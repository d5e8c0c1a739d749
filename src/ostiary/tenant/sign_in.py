"""The token of one client: fetched when it is needed, kept until shortly before its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ostiary.errors import TenantError
from ostiary.tenant.clouds import Cloud
from ostiary.tenant.credentials import credential, hidden
from ostiary.tenant.http import DISTRUSTED
from ostiary.tenant.patience import AgainError, Clock, passes

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

_RENEW_BEFORE = 300  # seconds before its end


class SignIn:
    """Signs in with the credential that the variables hold; raises TenantError without one."""

    def __init__(
        self, environ: Mapping[str, str], tenant_id: str, cloud: Cloud, clock: Clock
    ) -> None:
        self._environ = environ
        self._clock = clock
        self._scope = f"{cloud.graph}/.default"
        self._credential = credential(environ, tenant_id, cloud.authority)
        self._token: AccessToken | None = None

    def token(self) -> str:
        """Give a token that is valid for some minutes; credentials like az's keep none.

        Raises AgainError when another try may help, and TenantError when none will.
        """
        if self._token and self._token.expires_on - _RENEW_BEFORE > self._clock.now().timestamp():
            return self._token.token
        try:
            self._token = self._credential.get_token(self._scope)
        except (AgainError, TenantError):  # of `platforms`
            raise
        except Exception as error:  # noqa: BLE001 (of azure-identity, and of all that it rests on)
            # Raised below: what this was raised from may hold what was sent.
            failure = self._failure(error)
        else:
            return self._token.token
        raise failure

    def _failure(self, error: Exception) -> Exception:
        from azure.core.exceptions import (  # noqa: PLC0415 (slow to import)
            ClientAuthenticationError,
            HttpResponseError,
            ServiceRequestError,
            ServiceResponseError,
        )
        from msal.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415 (likewise)
            MsalServiceError,
        )

        said = f"Entra gave no token: {hidden(str(error), self._environ)}"
        # azure-identity wraps what it rests on, or not.
        cause = error.__cause__ if type(error) is ClientAuthenticationError else error
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return TenantError(said, hint=DISTRUSTED)
        if isinstance(cause, ServiceRequestError | ServiceResponseError):
            return AgainError(said, unreached=isinstance(cause, ServiceRequestError))
        status = error.status_code if isinstance(error, HttpResponseError) else None
        # msal raises an error of its own for a trouble of the server's only.
        if isinstance(cause, MsalServiceError) or passes(status or 0):
            return AgainError(said)
        return TenantError(said)
