"""The look keeps its promises: every word has a tone and a symbol, colours can be read, nothing inline, vendored files as pinned."""

import hashlib
import inspect
import json
import re
from pathlib import Path

import pytest
from django.db.models import TextChoices
from django.utils.text import slugify

from deployments import status as deployment_words
from infrastructure import status as infrastructure_words

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SHEETS = sorted((STATIC / "css").glob("*.css"))
NOT_A_STATUS = {
    "TlsMode",
    "MappedBy",
    "CredentialKind",
    "StepKind",
    "VerificationMethod",
    "LogLevel",
    "CommitMethod",
    "TemplateOrigin",
    "WaitFor",
    "ForgeKind",
}  # choices of a form, or plain text
SYMBOLS = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
TONED = set(re.findall(r'\.badge\[data-status="([^"]+)"\]', (STATIC / "css" / "badges.css").read_text().split(".tile[data-empty]")[0]))
TOKENS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", (STATIC / "css" / "tokens.css").read_text().split("@media")[0]))
GROUNDS = ("ground", "surface", "raised", "inset")
TONES = ("good", "busy", "warn", "bad", "quiet")
TEXT_PAIRS = [
    *[(ink, ground) for ink in ("text", "muted") for ground in GROUNDS],
    *[(ink, ground) for ink in ("accent", "accent-strong", *TONES) for ground in ("ground", "surface")],
    *[(ink, f"{tone}-tint") for tone in (*TONES, "accent") for ink in (tone, "text", "muted")],
    ("accent", "accent-tint"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    *[(ink, "bar") for ink in ("bar-text", "bar-muted", "brass")],
]
EDGE_PAIRS = [*[("edge", ground) for ground in GROUNDS], ("bar-edge", "bar")]


def _status_words():
    for module in (infrastructure_words, deployment_words):
        for name, choices in inspect.getmembers(module, inspect.isclass):
            if issubclass(choices, TextChoices) and choices is not TextChoices and name not in NOT_A_STATUS:
                yield from {str(label) for label in choices.labels}


def _luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrasts(ink, ground):
    for one, other in zip(TOKENS[ink].split(", "), TOKENS[ground].split(", "), strict=True):
        lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
        yield (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("word", sorted(set(_status_words())))
def test_every_status_word_has_a_tone_and_a_symbol(word):
    assert slugify(word) in TONED
    assert slugify(word) in SYMBOLS


def test_every_toned_word_has_a_symbol():
    assert TONED <= SYMBOLS


@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_words_can_be_read_by_day_and_by_night(ink, ground):
    assert min(_contrasts(ink, ground)) >= 4.5


@pytest.mark.parametrize(("ink", "ground"), EDGE_PAIRS)
def test_edges_can_be_seen_by_day_and_by_night(ink, ground):
    assert min(_contrasts(ink, ground)) >= 3


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_names_symbols_that_exist(template):
    text = re.sub(r"{#.*?#}", "", template.read_text())
    named = re.findall(r'icon\.html" with name="([^"{]+)"', text) + re.findall(r"icons\.svg'? ?%}#([\w-]+)\"", text)
    named += re.findall(r'\bicon="([\w-]+)"', text)

    assert set(named) <= SYMBOLS


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_holds_nothing_that_the_content_security_policy_refuses(template):
    text = re.sub(r"{#.*?#}", "", template.read_text())

    assert not re.search(r"<style|\sstyle\s*=|\son\w+\s*=|\shx-on|javascript:|js:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_template_is_short_and_asks_no_other_host(template):
    text = template.read_text()

    assert len(text.splitlines()) <= 150
    assert not re.search(r'(?:src|<link[^>]*href)="(?:https?:)?//', text)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_sheet_takes_its_colours_from_the_tokens(sheet):
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)

    if sheet.name != "tokens.css":
        colours = re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", re.sub(r"light-dark\(#\w{6}, #\w{6}\)", "", text))
        assert colours == []
    if sheet.name != "base.css":
        assert "!important" not in text
    assert len(text.splitlines()) <= 600
    assert "url(" not in text
    assert "@import" not in text


def test_base_page_links_every_sheet_but_the_administrations():
    base = (ROOT / "templates" / "base.html").read_text()
    linked = re.findall(r"css/(\w+\.css)", base)

    assert sorted(linked) == sorted(sheet.name for sheet in SHEETS if sheet.name != "admin.css")
    assert linked[0] == "tokens.css"  # it declares the order of the layers


def test_vendored_files_are_the_pinned_ones():
    manifest = json.loads((STATIC / "vendor" / "manifest.json").read_text())["files"]
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (STATIC / "vendor").iterdir() if path.name != "manifest.json"}

    assert {name: entry["sha256"] for name, entry in manifest.items()} == present
    assert all(entry["version"] for entry in manifest.values())


def test_script_is_a_comfort_and_small():
    assert len((STATIC / "octoargo.js").read_text().splitlines()) <= 50
