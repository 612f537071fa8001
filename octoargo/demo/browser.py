"""A person at the pages, without a browser: signs in, fills in forms, reads what a part of a page says."""

import html
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from types import TracebackType
from typing import Self

import httpx2

TIMEOUT_S = 30.0
VOID = {"meta", "link", "input", "img", "br", "hr", "source", "use"}


class PageWithoutPart(Exception):
    """The page does not have the part that the story reads."""


class _Part(HTMLParser):
    """Collects the words of the element with an id, or of the first element with a tag's name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.depth, self.words, self.is_over = name, 0, [""], False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        starts = dict(attrs).get("id") == self.name or tag == self.name
        if not self.is_over and tag not in VOID and (self.depth or starts):
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag not in VOID:
            self.depth -= 1
            self.is_over = self.depth == 0

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.words.append(data)


def words_of(page: str, part: str) -> str:
    """What a person reads in the part, on one line. Raises PageWithoutPart."""
    parser = _Part(part)
    parser.feed(page)
    if not parser.is_over:
        raise PageWithoutPart(f"The page has no part {part}.")
    return re.sub(r"\s+", " ", " ".join(parser.words)).strip().replace(" .", ".").replace(" ,", ",")


class Person:
    """Signed in to Octoargo."""

    def __init__(self, address: str, *, name: str, password: str) -> None:
        self.client = httpx2.Client(base_url=address, follow_redirects=True, timeout=TIMEOUT_S)
        page = self.post("/sign-in/", {"username": name, "password": password})
        if "csrftoken" not in self.client.cookies or "/sign-in/" in str(page.url):
            raise PageWithoutPart("Signing in did not work.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        answer.raise_for_status()
        return answer.text

    def link_to(self, path: str, fragment: str) -> str:
        """Where the page's first link leads whose address has the fragment. Raises PageWithoutPart."""
        for address in re.findall(r'href="([^"]+)"', self.get(path)):
            if fragment in address:
                return str(html.unescape(address))
        raise PageWithoutPart(f"The page has no link to {fragment}.")

    def post(self, path: str, values: dict[str, str]) -> httpx2.Response:
        """Fill in the form of a page; the answer is the page it leads to."""
        if "csrftoken" not in self.client.cookies:
            self.client.get("/sign-in/")
        answer = self.client.post(
            path, data={**values, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]}, headers={"Referer": str(self.client.base_url)}
        )
        answer.raise_for_status()
        return answer

    def wait_for(self, path: str, part: str, is_so: Callable[[str], bool], *, seconds: float) -> str:
        """What the part says once `is_so`, or at the deadline whatever it says then."""
        deadline = time.monotonic() + seconds
        while True:
            said = words_of(self.get(path), part)
            if is_so(said) or time.monotonic() > deadline:
                return said
            time.sleep(0.3)  # between two looks at a condition with a deadline
