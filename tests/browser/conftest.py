"""A real browser on real pages: signed in, in each size and scheme, with the checks every page must pass."""

import os
import shutil
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page

from tests.factories import make_user

SIZES = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (320, "light")]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium if it is there, else Playwright's own."""
    chromium = shutil.which("chromium")
    return {**browser_type_launch_args, "args": _FLAGS, **({"executable_path": chromium} if chromium else {})}


@pytest.fixture(scope="session")
def base_url():
    """None: `Site` knows the server. The plugin's own fixture trips over pytest 9."""


@pytest.fixture(autouse=True, scope="session")
def _database_beside_the_browsers_loop():
    """Playwright runs an event loop in this thread, and Django would refuse the database then."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@dataclass
class Site:
    """The product in a browser tab."""

    page: Page
    url: str

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def look(self, width: int, scheme: str) -> None:
        self.page.set_viewport_size({"width": width, "height": 860})
        self.page.emulate_media(color_scheme=scheme)

    def problems(self) -> list[str]:
        """What is wrong with the page as it stands: WCAG 2.2 AA by axe, and whether it scrolls sideways."""
        return [*(f"{violation['id']}: {violation['nodes'][0]['html']}" for violation in _violations(self.page)), *self.sideways()]

    def sideways(self) -> list[str]:
        """By how much the page scrolls sideways, if it does."""
        pixels = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [f"scrolls sideways by {pixels} px"] if pixels > 0 else []


def _violations(page):
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    return Axe().run(page, options=options).response["violations"]


@pytest.fixture
def site(page, live_server, transactional_db):
    """Signed in as somebody who may do everything."""
    client = Client()
    client.force_login(make_user(username="wren", is_superuser=True, is_staff=True))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return Site(page, live_server.url)
