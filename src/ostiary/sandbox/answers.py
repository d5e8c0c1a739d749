"""What a handler gives back: an answer, or a refusal in the words of Graph or of Entra."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is sent as JSON unless it is None."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """Graph refuses a request; `code` and `message` are the two fields of its error object."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def bad_request(message: str) -> RefusalError:
    """Refuse with 400; Conditional Access puts its own number in front of the message."""
    return RefusalError(400, "BadRequest", message)


def graph_error(refusal: RefusalError, request_id: str, date: str) -> Answer:
    """Give the error object of Microsoft Graph.

    https://learn.microsoft.com/graph/errors
    """
    inner = {"date": date, "request-id": request_id, "client-request-id": request_id}
    error = {"code": refusal.code, "message": refusal.message, "innerError": inner}
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == HTTPStatus.UNAUTHORIZED else {}
    return Answer(refusal.status, {"error": error}, headers)
