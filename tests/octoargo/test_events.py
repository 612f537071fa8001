"""The event stream as a browser sees it, from the ASGI application in this process."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.models import LogEntry
from infrastructure.models import HealthCheck
from octoargo import events
from tests.factories import make_instance

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN_S = 20


class Listener:
    """One client of the stream."""

    def __init__(self, cookie: str) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()
        scope = {"type": "http", "path": events.PATH, "headers": [(b"cookie", cookie.encode())]}
        self.task = asyncio.create_task(events.stream(scope, self._receive, self.sent.put))

    async def _receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.sent.get(), WITHIN_S)

    async def stop(self) -> None:
        self.gone.set()
        await asyncio.wait_for(self.task, WITHIN_S)


def _cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


async def test_the_stream_says_which_topic_changed_and_nothing_of_its_content():
    user = await sync_to_async(User.objects.create_user)("wren", password="secret")
    instance = await sync_to_async(make_instance)()
    listener = Listener(await sync_to_async(_cookie_of)(user))
    start, hello = await listener.next(), await listener.next()

    await sync_to_async(HealthCheck.objects.create)(instance=instance, checked_at=timezone.now(), is_passed=False)
    body = await listener.next()
    while body["body"] == b":\n\n":
        body = await listener.next()
    await listener.stop()

    assert start["status"] == 200
    assert (b"content-type", b"text/event-stream") in start["headers"]
    assert hello["body"].startswith(b":")
    assert body["body"] == b"event: instances\ndata: instances\n\n"


async def test_the_stream_refuses_who_is_not_signed_in():
    listener = Listener("sessionid=nobodys")

    start = await listener.next()

    assert start["status"] == 403


def test_read_markers_changes_with_a_log_line():
    before = events.read_markers()

    assert before["deployments"][0] is None
    assert LogEntry.objects.count() == 0
    assert events.read_markers() == before


async def test_the_stream_refuses_who_was_locked_out_and_protects_its_answers_as_pages_are():
    user = await sync_to_async(User.objects.create_user)("wren", password="secret")
    cookie = await sync_to_async(_cookie_of)(user)
    await sync_to_async(User.objects.update)(is_active=False)
    listener = Listener(cookie)

    start = await listener.next()

    assert start["status"] == 403
    assert b"frame-ancestors 'none'" in dict(start["headers"])[b"content-security-policy"]


async def test_the_stream_refuses_a_session_from_before_the_password_was_changed():
    user = await sync_to_async(User.objects.create_user)("wren", password="secret")
    cookie = await sync_to_async(_cookie_of)(user)
    user.set_password("another")
    await sync_to_async(user.save)()

    assert (await Listener(cookie).next())["status"] == 403
