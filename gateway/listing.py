"""Reads the list of applications piece by piece: as a whole, ten thousand would need a gigabyte of memory."""

import asyncio
import codecs
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from gateway.argocd import ArgoCd, ArgoCdError, Kind

_SILENCE_S = 120.0  # Argo CD builds the whole answer before it sends the first byte
_PATH = "/api/v1/applications"
_START = re.compile(r'"items"\s*:\s*(\[|null)')
_BETWEEN = re.compile(r"[\s,]*")
_MAX_HEAD = 1024 * 1024
_MAX_ITEM = 64 * 1024 * 1024  # characters


async def applications(argocd: ArgoCd) -> AsyncIterator[dict[str, Any]]:
    """Yield every visible Application.

    Raises ArgoCdError, also when the answer is cut off.
    """
    reader = ItemReader()
    async with argocd.stream(_PATH, accept="application/json", encoding="gzip", read_s=_SILENCE_S) as chunks:
        async for chunk in chunks:
            for item in reader.feed(chunk):
                yield item
                await asyncio.sleep(0)  # heartbeats and the watch go on
    if not reader.is_finished and not reader.is_list_without_items():
        raise ArgoCdError(Kind.UNCLEAR, "Argo CD's list of applications was cut off.")


class ItemReader:
    """Takes the bytes of `{"metadata": …, "items": [ {…}, {…} ]}` as they come, and gives the items. Pure."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._parse = json.JSONDecoder().raw_decode
        self._text = ""
        self._is_inside = False
        self.is_finished = False

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yield the items that are whole now.

        Raises ArgoCdError when this is no list of applications.
        """
        try:
            self._text += self._decode.decode(chunk)
        except UnicodeDecodeError as error:
            raise _not_a_list() from error
        position = 0 if self._is_inside else self._begin()
        while self._is_inside and not self.is_finished:
            position = _BETWEEN.match(self._text, position).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._text.startswith("]", position):
                self.is_finished = True
                break
            try:
                item, position = self._parse(self._text, position)
            except ValueError as error:
                if len(self._text) - position > _MAX_ITEM:
                    raise _not_a_list() from error
                break  # not whole yet
            if isinstance(item, dict):
                yield item
        self._text = "" if self.is_finished else self._text[position:]

    def is_list_without_items(self) -> bool:
        """Was the whole answer an object that names no items?"""
        try:
            return not self._is_inside and "metadata" in json.loads(self._text)
        except (ValueError, TypeError):
            return False

    def _begin(self) -> int:
        """Look for where the items begin; `null` means that there are none."""
        found = _START.search(self._text)
        if found is None:
            begun = self._text.lstrip()
            if len(begun) > _MAX_HEAD or (begun and begun[0] != "{"):
                raise _not_a_list()
            return 0
        self._is_inside = True
        self.is_finished = found[1] == "null"
        return found.end()


def _not_a_list() -> ArgoCdError:
    return ArgoCdError(Kind.NOT_ARGOCD, "What answers as Argo CD's list of applications is not one.")
