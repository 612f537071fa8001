"""Tags, filters and partials that every page uses."""

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from infrastructure.templatetags import ui

NOW = datetime(2026, 11, 20, 14, 32, 7, tzinfo=UTC)


def render(source, path="/", **values):
    context = {"now": NOW, "request": RequestFactory().get(path), **values}
    return Template("{% load ui %}" + source).render(Context(context)).strip()


class NameForm(forms.Form):
    name = forms.CharField(label="Name", help_text="Unique.")
    trust = forms.ChoiceField(label="Trust", choices=[("verify", "Verify")], widget=forms.RadioSelect)
    sync = forms.BooleanField(label="Trigger a sync", required=False)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=40, microseconds=9), "40 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=9), "9 d ago"),
        (timedelta(minutes=-3), "in 3 min"),
    ],
)
def test_since_says_the_largest_unit_and_the_exact_time(passed, words):
    element = render("{% since when %}", when=NOW - passed)

    assert f">{words}<" in element
    assert f'title="{(NOW - passed):%Y-%m-%d %H:%M:%S} UTC"' in element


def test_since_of_nothing_is_the_given_word():
    assert render('{% since when never="not yet" %}', when=None) == "not yet"


@pytest.mark.parametrize(
    ("when", "words"),
    [(NOW - timedelta(minutes=7), "14:25"), (NOW - timedelta(days=2), "18 November 14:32")],
)
def test_clock_says_the_day_unless_it_is_today(when, words):
    assert f">{words}<" in render("{% clock when %}", when=when)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=12), "12 s"),
        (timedelta(minutes=6, seconds=59), "6 min"),
        (timedelta(hours=23, minutes=20), "23 h 20 min"),
        (timedelta(hours=2), "2 h"),
    ],
)
def test_duration_keeps_two_units_at_most(length, words):
    assert ui.duration(length) == words


def test_query_changes_one_parameter_and_keeps_the_others():
    assert render("{% query page=2 q=None %}", "/applications/?q=shop&health=Degraded&page=1&part=rows") == "?health=Degraded&amp;page=2"


@pytest.mark.parametrize(
    ("sort", "following", "spoken"), [("name", "sort=-name", "ascending"), ("-name", "sort=name", "descending"), ("version", "sort=name", None)]
)
def test_sort_header_turns_the_order_round_and_says_it(sort, following, spoken):
    head = render('{% sort_header "Application" key="name" %}', f"/?sort={sort}&page=3", sort=sort)

    assert f'href="?{following}"' in head
    assert (f'aria-sort="{spoken}"' in head) if spoken else ("aria-sort" not in head)


def test_pager_says_which_rows_these_are():
    page = render('{% include "ui/pager.html" %}', "/?q=shop", page_obj=Paginator(range(214), 50).page(5))

    assert "201 to 214 of 214" in page
    assert 'href="?q=shop&amp;page=4"' in page
    assert "Next" not in page


def test_badge_is_an_icon_and_a_word():
    assert render('{% include "ui/badge.html" with label="Git drift" pill=True only %}').startswith(
        '<span class="badge pill" data-status="git-drift"><svg class="icon" aria-hidden="true">'
    )


def test_badge_takes_its_tone_from_the_word_meant():
    badge = render('{% badge "3 failed" word="Failed" href="?health=x" %}')

    assert 'data-status="failed"' in badge
    assert "icons.svg#failed" in badge
    assert badge.endswith("3 failed</a>")


def test_code_escapes_its_text_and_marks_the_secret():
    code = render('{% include "ui/code.html" with id="helm" title="Helm" text="--set a=<b> --token=t0k" secret="t0k" only %}')

    assert '--set a=&lt;b&gt; --token=<span class="secret">t0k</span>' in code
    assert 'data-copy="helm"' in code


def test_field_gives_label_hint_error_and_input_in_that_order():
    html = render('{% include "ui/field.html" with field=form.name only %}', form=NameForm({"name": ""}))
    parts = [html.index(part) for part in ('<label for="id_name">', 'id="id_name_helptext"', 'id="id_name_error"', "<input")]

    assert parts == sorted(parts)
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html


def test_field_of_choices_is_a_fieldset_of_cards_with_sub_lines():
    form = NameForm()
    form.fields["trust"].option_hints = {"verify": "The system's authorities."}

    html = render('{% include "ui/field.html" with field=form.trust only %}', form=form)

    assert "<legend>Trust</legend>" in html
    assert "The system&#x27;s authorities." in html


def test_form_errors_name_their_fields_and_lead_to_them():
    form = NameForm({})
    form.add_error(None, "Production is frozen.")

    html = render('{% include "ui/form_errors.html" with form=form what="Not deployed" only %}', form=form)

    assert "Not deployed: 3 things to correct" in html
    assert "<li>Production is frozen.</li>" in html
    assert '<a href="#id_name">Name: This field is required.</a>' in html
    assert 'href="#id_trust"' in html


def test_sha_is_short_and_linked_where_there_is_an_address():
    assert render('{% include "ui/sha.html" with sha="8def1234567" url="/c/8" only %}') == '<a href="/c/8"><code title="8def1234567">8def123</code></a>'
