"""The web process: Django's WSGI in a pool of threads (a view may block), and one async event stream."""

import os
import re
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoargo.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application

_wsgi: Any = get_wsgi_application()  # sets Django up; only then may models be imported
_CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)


def read_as_utf_8(environ: dict[str, Any], start_response: Any) -> Any:
    """Our forms are sent as UTF-8. Django would read an address in whatever encoding a request names, and fails on some before any view."""
    environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    return _wsgi(environ, start_response)


from octoargo import events  # noqa: E402

_pages: Any = WSGIMiddleware(cast(Any, read_as_utf_8), workers=settings.WORKER_THREADS)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route "/events/" to the event stream, everything else to Django."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == events.PATH:
        await events.stream(scope, receive, send)
    else:
        await _pages(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
