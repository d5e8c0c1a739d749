"""Filters on custom security attributes: of applications, and of service principals.

https://learn.microsoft.com/entra/identity/conditional-access/concept-filter-for-applications
"""

from __future__ import annotations

import re

from ostiary.model import filter_grammar
from ostiary.model.filter_expression import Expression
from ostiary.model.filter_grammar import Attribute, FilterSyntaxError, shown

_PREFIX = "CustomSecurityAttribute."
# An attribute set's name and an attribute's name, 32 characters each at most, and an underscore.
# https://learn.microsoft.com/entra/fundamentals/custom-security-attributes-overview
_NAME = re.compile(r"(?i:CustomSecurityAttribute)\.(?P<name>\w{1,32}_\w{1,32})\Z")


def parse(rule: str) -> Expression:
    """Parse an application or service principal filter rule.

    Attributes are `CustomSecurityAttribute.<set>_<name>`, kept as written: whether they exist only
    the tenant knows.  Values are text (Microsoft: attributes of type string only); that all ten
    operators of device filters are allowed is assumed.

    Raises FilterSyntaxError, whose offset is between 0 and the length of the rule.
    """
    return filter_grammar.parse(rule, _find)


def _find(word: str, offset: int) -> Attribute:
    found = _NAME.match(word)
    if found is None:
        raise FilterSyntaxError(
            f"expected a custom security attribute, found {shown(word)}",
            offset,
            f"write `{_PREFIX}<attribute set>_<attribute name>`",
        )
    return Attribute(_PREFIX + found["name"])
