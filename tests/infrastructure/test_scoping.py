"""Scopes from annotations and rules: each rule of the reference by its name."""

import pytest

from infrastructure.scoping import NOT_ANNOTATED, Rule, ScopedApplication, ScopedSource, scope_sources

PROJECTS = ("shop", "ledger")
ENVIRONMENTS = ("development", "staging", "production")
TENANTS = ("north",)
A = "argo.octopus.com/"
ONE_SOURCE = (ScopedSource(0),)


def scope(annotations=None, *, sources=ONE_SOURCE, rules=(), name="ledger", **values):
    application = ScopedApplication(name=name, annotations=annotations or {}, sources=tuple(sources), **values)
    return scope_sources(application, rules, PROJECTS, ENVIRONMENTS, TENANTS)


def rule(key=1, name="prod-*", **values):
    return Rule(**{"key": key, "name": name, "project": "shop", "environment": "production", **values})


def test_an_unnamed_single_source_reads_the_unqualified_keys():
    (found,), problems = scope({A + "project": "shop", A + "environment": "production", A + "tenant": "north"})

    assert (found.project, found.environment, found.tenant, found.mapped_by) == ("shop", "production", "north", "annotation")
    assert found.is_mapped
    assert found.reason == "As its annotations say."
    assert problems == []


def test_slugs_are_trimmed_and_compared_without_case_and_kept_as_ours():
    (found,), _ = scope({A + "project": "  Shop ", A + "environment": "PRODUCTION", A + "tenant": "  "})

    assert (found.project, found.environment, found.tenant) == ("shop", "production", None)


def test_a_named_source_reads_only_its_own_keys_even_when_it_is_the_only_one():
    (found,), _ = scope({A + "project": "shop", A + "environment": "production"}, sources=[ScopedSource(0, name="values")])

    assert not found.is_mapped
    assert found.reason == (
        "Not mapped: the source is named values, so only argo.octopus.com/project.values is read. "
        "The application carries argo.octopus.com/project. Rename the annotation."
    )


def test_names_in_keys_compare_with_case():
    (found,), _ = scope({A + "project.Values": "shop", A + "environment.Values": "production"}, sources=[ScopedSource(0, name="values")])

    assert not found.is_mapped


def test_sources_of_one_application_have_scopes_of_their_own():
    annotations = {A + "project.web": "shop", A + "environment.web": "staging", A + "project.values": "ledger", A + "environment.values": "production"}

    (web, values, unnamed), problems = scope(annotations, sources=[ScopedSource(0, name="web"), ScopedSource(1, name=" values "), ScopedSource(2)])

    assert (web.project, web.environment) == ("shop", "staging")
    assert (values.project, values.environment) == ("ledger", "production")
    assert (unnamed.is_mapped, unnamed.reason, problems) == (False, NOT_ANNOTATED, [])


def test_unqualified_keys_in_a_multi_source_application_are_told_and_not_read():
    (first, second), problems = scope(
        {A + "project": "shop", A + "environment": "production"}, sources=[ScopedSource(0), ScopedSource(1, name="values")], name="orders"
    )

    assert not first.is_mapped
    assert not second.is_mapped
    assert first.reason == "Not mapped: orders has 2 sources and this one has no name, so no annotation can mean it. Name the source."
    assert problems == [
        "orders has 2 sources, so argo.octopus.com/project and argo.octopus.com/environment are not read. "
        "Add the source's name, for example argo.octopus.com/project.values."
    ]


def test_two_sources_with_one_name_are_all_refused():
    annotations = {A + "project.web": "shop", A + "environment.web": "production"}

    scopes, problems = scope(annotations, sources=[ScopedSource(0, name="web"), ScopedSource(1, name="web"), ScopedSource(2, name="x")], rules=[rule()])

    assert [found.is_mapped for found in scopes] == [False, False, False]
    assert scopes[2].reason == "Not mapped: two sources of ledger are named web. Give each its own name."
    assert problems == ["Two sources of ledger are named web. Give each source its own name."]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("prod", "Not mapped: argo.octopus.com/environment of ledger is “prod”, and no environment has that slug. Did you mean production?"),
        ("productoin", "Not mapped: argo.octopus.com/environment of ledger is “productoin”, and no environment has that slug. Did you mean production?"),
        ("zzz", "Not mapped: argo.octopus.com/environment of ledger is “zzz”, and no environment has that slug. Correct the annotation, or create it here."),
        (
            "staging,production",
            "Not mapped: argo.octopus.com/environment of ledger is “staging,production”, and it takes one environment, not a list. Name one.",
        ),
        ("  ", "Not mapped: ledger carries no argo.octopus.com/environment. Add it."),
    ],
)
def test_a_wrong_environment_is_told_and_the_known_parts_stand(value, reason):
    (found,), problems = scope({A + "project": "shop", A + "environment": value})

    assert (found.project, found.environment, found.is_mapped) == ("shop", None, False)
    assert found.reason == reason
    assert problems == [reason]


def test_an_unknown_tenant_is_not_taken_for_none():
    (found,), _ = scope({A + "project": "shop", A + "environment": "production", A + "tenant": "nort"})

    assert not found.is_mapped
    assert found.reason == "Not mapped: argo.octopus.com/tenant of ledger is “nort”, and no tenant has that slug. Did you mean north?"


def test_an_application_without_annotations_is_fine():
    (found,), problems = scope()

    assert found.reason == "Not mapped: it carries no annotation and no rule matches. That is fine if we never deploy it."
    assert problems == []


def test_an_annotation_wins_over_a_rule_even_when_it_is_wrong():
    (right,), _ = scope({A + "project": "ledger", A + "environment": "staging"}, rules=[rule()])
    (wrong,), _ = scope({A + "project": "nothing", A + "environment": "staging"}, rules=[rule()])

    assert (right.project, right.mapped_by, right.rule) == ("ledger", "annotation", None)
    assert (wrong.is_mapped, wrong.mapped_by) == (False, "annotation")


def test_a_rule_maps_what_carries_no_annotation():
    (found,), _ = scope(rules=[rule(key=3, instance="eu-west", application_name="led*")], instance="eu-west")

    assert (found.project, found.environment, found.mapped_by, found.rule, found.is_mapped) == ("shop", "production", "rule", 3, True)
    assert found.reason == "Rule prod-*, which matches instance eu-west and applications led*."


def test_two_rules_that_disagree_map_nothing_and_both_are_named():
    (found,), problems = scope(rules=[rule(1, "prod-*"), rule(2, "all", environment="staging")])

    assert (found.project, found.is_mapped, found.mapped_by) == (None, False, "rule")
    assert found.reason == "Not mapped: rules prod-* and all both match ledger and disagree. Narrow one, or annotate it."
    assert problems == [found.reason]


def test_two_rules_that_agree_map():
    (found,), problems = scope(rules=[rule(1, "prod-*"), rule(2, "all")])

    assert found.is_mapped
    assert problems == []


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ({}, True),
        ({"instance": "eu-west"}, True),
        ({"instance": "eu"}, False),
        ({"argo_project": "team-*"}, True),
        ({"argo_project": "other"}, False),
        ({"application_name": "led?er"}, True),
        ({"application_name": "LED*"}, False),
        ({"path": "envs/production/*"}, True),
        ({"path": "./envs/production/ledger/"}, True),
        ({"path": "envs/staging/*"}, False),
        ({"label_selector": "team in (ledger)"}, True),
        ({"label_selector": "team!=ledger"}, False),
        ({"label_selector": "not a selector"}, False),
        ({"repository": "https://git.example.test/platform/*"}, True),
        ({"repository": "https://GIT.example.test/platform/ledger.git"}, True),
        ({"repository": "git.example.test/platform/*"}, True),
        ({"repository": "https://git.example.test/other/*"}, False),
        ({"argo_project": "team-*", "path": "envs/staging/*"}, False),
    ],
)
def test_every_given_condition_of_a_rule_must_match(condition, matches):
    source = ScopedSource(0, repo_url="https://user:secret@git.example.test/platform/Ledger.git", path="envs/production/ledger")

    (found,), _ = scope(rules=[rule(**condition)], sources=[source], instance="eu-west", argo_project="team-a", labels={"team": "ledger"})

    assert found.is_mapped is matches
