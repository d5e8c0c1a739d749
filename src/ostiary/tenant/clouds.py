"""Where to sign in and where Graph is: by the cloud's name, or as a metadata host says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from ostiary.errors import TenantError
from ostiary.tenant.http import connect


@dataclass(frozen=True, slots=True)
class Cloud:
    """The two addresses of a cloud, without a slash at the end."""

    login: str
    graph: str

    @property
    def authority(self) -> str:
        """The host to sign in at."""
        return urlsplit(self.login).netloc


_GLOBAL = Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com")
_US_L4 = Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us")
_US_L5 = Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us")
_CHINA = Cloud("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn")
# By the azuread provider's names: https://learn.microsoft.com/graph/deployments
_CLOUDS = {
    "public": _GLOBAL,
    "global": _GLOBAL,
    "usgovernment": _US_L4,
    "usgovernmentl4": _US_L4,
    "usgovernmentl5": _US_L5,
    "dod": _US_L5,
    "china": _CHINA,
}


def cloud(environ: Mapping[str, str]) -> Cloud:
    """Give the cloud that the variables name; raises TenantError where they name none."""
    if host := environ.get("ARM_METADATA_HOSTNAME"):
        url = f"https://{host}/metadata/endpoints?api-version=2022-09-01"
        with connect(environ, url) as http:
            return _from_metadata(url, http)
    name = environ.get("ARM_ENVIRONMENT") or "public"
    if name.lower() not in _CLOUDS:
        raise TenantError(
            f"there is no cloud `{name}` ($ARM_ENVIRONMENT)",
            hint=f"it is one of {', '.join(_CLOUDS)}",
        )
    return _CLOUDS[name.lower()]


def _from_metadata(url: str, http: httpx.Client) -> Cloud:
    try:
        answer = http.get(url).raise_for_status().json()
        login = answer["authentication"]["loginEndpoint"]
        return Cloud(login.rstrip("/"), answer["microsoftGraphResourceId"].rstrip("/"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"does not answer: {str(error) or type(error).__name__}"
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = "does not name the endpoints of a cloud"
    raise TenantError(f"{url} {reason}", hint="$ARM_METADATA_HOSTNAME says to ask there")
