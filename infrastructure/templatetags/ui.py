"""Tags and filters of every page: times, commits, tones, and links that keep a list's state in its address."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.forms.widgets import CheckboxInput
from django.http import QueryDict
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

TONE_ICONS = {"good": "passed", "busy": "waiting", "warn": "warning", "bad": "failed", "quiet": "info"}
MESSAGE_TONES = {"success": "good", "warning": "warn", "error": "bad"}


def in_words(length: timedelta) -> str:
    """Return a length of time in its largest unit, rounded down: "40 s", "12 min", "5 h", "9 d"."""
    seconds = max(0, int(length.total_seconds()))
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def _now(context: Context) -> datetime:
    """The moment the page was made, so that all its times agree."""
    now = context.get("now")
    return now if isinstance(now, datetime) else timezone.now()


def _time_element(when: datetime, text: str) -> SafeString:
    exact = when.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}</time>', when.strftime("%Y-%m-%dT%H:%M:%SZ"), exact, text)


@register.simple_tag(takes_context=True)
def since(context: Context, when: datetime | None, never: str = "never") -> str:
    """A time as people say it, exact on hover: "12 min ago", "in 3 min"; `never` when there is none."""
    if when is None:
        return never
    passed = _now(context) - when
    if passed < timedelta(0):
        return _time_element(when, f"in {in_words(-passed)}")
    return _time_element(when, f"{in_words(passed)} ago")


@register.simple_tag(takes_context=True)
def clock(context: Context, when: datetime | None, seconds: bool = False, never: str = "never") -> str:
    """A time of today as 14:25 (or 14:25:07), an older one as "20 November 18:00"."""
    if when is None:
        return never
    at = when.strftime("%H:%M:%S" if seconds else "%H:%M")
    if when.date() != _now(context).date():
        at = f"{format_date(when, 'j F')} {at}"
    return _time_element(when, at)


@register.filter
def duration(length: timedelta | None) -> str:
    """A timedelta in words: "23 h 20 min" keeps the next smaller unit, "12 s" has none."""
    if length is None:
        return ""
    seconds = max(0, int(length.total_seconds()))
    for unit, below in ((86_400, 3_600), (3_600, 60)):
        if seconds >= unit:
            rest = seconds % unit
            words = in_words(timedelta(seconds=seconds - rest))
            return f"{words} {in_words(timedelta(seconds=rest))}" if rest >= below else words
    return in_words(length)


@register.filter
def short_sha(sha: str | None) -> str:
    """The first seven characters of a commit."""
    return (sha or "")[:7]


@register.filter
def tone_icon(tone: str) -> str:
    """The icon of a notice or reason that names none."""
    return TONE_ICONS.get(tone, "info")


@register.filter
def message_tone(tags: str) -> str:
    """Django's message tags as one of our tones."""
    return next((MESSAGE_TONES[tag] for tag in (tags or "").split() if tag in MESSAGE_TONES), "quiet")


@register.simple_tag
def mark_secret(text: str, secret: str | None) -> SafeString:
    """Escape `text` and mark each place where `secret` stands in it."""
    if not secret:
        return conditional_escape(text)
    marked = format_html('<span class="secret">{}</span>', secret)
    return mark_safe(marked.join(str(conditional_escape(part)) for part in text.split(secret)))  # noqa: S308  each part is escaped


def _address(context: Context, **changes: Any) -> str:
    query: QueryDict = context["request"].GET.copy()
    query.pop("part", None)  # htmx asks for parts; links are for pages
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        elif isinstance(value, list | tuple):
            query.setlist(name, [str(each) for each in value])
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """This page's address with some parameters changed: `{% query page=2 %}`; None or "" takes one away."""
    return _address(context, **changes)


@register.inclusion_tag("ui/sort.html", takes_context=True)
def sort_header(context: Context, title: str, key: str, end: bool = False) -> dict[str, Any]:
    """A sorting table head. The view gives `sort` ("name" or "-name"), which says how the list is sorted now."""
    sort = str(context.get("sort") or "")
    direction = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    following = f"-{key}" if direction == "ascending" else key
    return {"title": title, "direction": direction, "href": _address(context, sort=following, page=None), "end": end}


@register.simple_tag
def badge(label: str, **kwargs: Any) -> SafeString:
    """ui/badge.html without white space after it, e.g. for a badge before a full stop: `{% badge "Git drift" pill=True %}`."""
    return mark_safe(render_to_string("ui/badge.html", {"label": label, **kwargs}).strip())  # noqa: S308  a template of ours


@register.simple_tag
def sha(sha: str | None, url: str = "") -> SafeString:
    """ui/sha.html without white space after it: `at {% sha target.commit_sha target.commit_url %}.`"""
    return mark_safe(render_to_string("ui/sha.html", {"sha": sha, "url": url}).strip())  # noqa: S308  a template of ours


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Is the field one box to tick, whose label stands beside it?"""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def option_hint(field: BoundField, value: Any) -> str:
    """The sub-line of one choice, from the form field's `option_hints` ({value: sentence}), if it has one."""
    hints: dict[str, str] = getattr(field.field, "option_hints", {})
    return hints.get(str(value), "")


@register.filter
def error_list(form: BaseForm) -> list[tuple[str, str]]:
    """(address on the page or "", sentence) for each error of a form, the form's own first; each names its field."""
    sentences = [("", str(error)) for error in form.non_field_errors()]
    for field in form:
        label = str(field.label)
        address = f"#{field.id_for_label or field.auto_id}"
        sentences += [(address, text if label.lower() in text.lower() else f"{label}: {text}") for text in map(str, field.errors)]
    return sentences
