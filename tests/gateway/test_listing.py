"""The list of applications is read in pieces of any size."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.argocd import ArgoCd, ArgoCdError
from gateway.listing import ItemReader, applications
from tests.gateway.conftest import argocd_config
from tests.gateway.fake_argocd import make_application

TEXTS = st.text(max_size=20)
ITEMS = st.lists(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.lists(TEXTS, max_size=3)), max_size=4), max_size=6)


@given(items=ITEMS, size=st.integers(1, 40), is_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_the_items_are_those_of_the_whole_answer(items, size, is_ascii, indent):
    answer = json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    reader = ItemReader()

    found = [item for start in range(0, len(answer), size) for item in reader.feed(answer[start : start + size])]

    assert found == items
    assert reader.is_finished


def test_null_means_none():
    reader = ItemReader()

    assert list(reader.feed(b'{"metadata":{},"items":null}')) == []
    assert reader.is_finished


@pytest.mark.parametrize("answer", [b"<html>", b"[1]", b"\xff\xfe", b'{"a":"' + b"x" * 2_000_000])
def test_something_else_is_refused(answer):
    with pytest.raises(ArgoCdError, match="is not one"):
        list(ItemReader().feed(answer))


async def cut_off(writer):
    content = b'{"metadata":{},"items":[' + json.dumps(make_application()).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    await writer.drain()


async def test_a_list_that_was_cut_off_is_an_error(argocd):
    argocd.answers["GET", "/api/v1/applications"] = [cut_off]

    async with ArgoCd(argocd_config(argocd)) as client:
        with pytest.raises(ArgoCdError, match="cut off"):
            [item async for item in applications(client)]


def test_item_reader_knows_a_list_that_names_no_items():
    reader = ItemReader()

    assert list(reader.feed(b'{"metadata":{}}')) == []
    assert reader.is_list_without_items()


def test_item_reader_knows_an_answer_that_was_cut_off():
    reader = ItemReader()

    assert list(reader.feed(b'{"metadata":{')) == []
    assert not reader.is_list_without_items()
