"""What holds for every request and answer: text that can be stored, and a constant content security policy (no inline script or style, so no nonce)."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.cache import patch_vary_headers

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

LONGEST_QUERY = 8_192
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class SecurityHeaders:
    """Sets the Content-Security-Policy on every answer, and keeps htmx's answers apart from pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        patch_vary_headers(response, ["HX-Request"])  # one address gives a page or its part: the Back button must not show the part
        return response


class StorableText:
    """Refuses addresses and forms with characters that PostgreSQL refuses, and addresses longer than any of ours: 400 before the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> None:
        """Raises BadRequest. A view that is marked `takes_raw_body` reads its body itself."""
        if len(request.META.get("QUERY_STRING", "")) > LONGEST_QUERY:
            raise BadRequest("The address is too long.")
        form = QueryDict() if getattr(view, "takes_raw_body", False) else request.POST
        if not all(map(_is_storable, [request.path, *_texts(request.GET), *_texts(form)])):
            raise BadRequest("The address or the form holds a character that no text may hold.")


def _texts(values: QueryDict) -> Iterable[str]:
    for name, each in values.lists():
        yield name
        yield from map(str, each)


def _is_storable(text: str) -> bool:
    """Neither NUL nor half of a surrogate pair."""
    return UNSTORABLE.search(text) is None
