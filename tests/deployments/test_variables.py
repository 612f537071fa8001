"""Which value of a variable counts, and the system's own variables."""

import pytest

from deployments.templating import render
from deployments.variables import KINDS, Definition, DeploymentFacts, Scope, Variables, is_reserved, select, system_variables


def scope(**entries):
    return Scope({kind: frozenset(names.split()) for kind, names in entries.items()})


CONTEXT = scope(step="deploy", tenant="acme", tenant_tag="eu", environment="prod", channel="stable", machine="m1", target_tag="web", process="deployment")


def value_of(definitions, context=CONTEXT):
    found = select(tuple(definitions), context)
    return dict(found.values), found.warnings


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (scope(step="deploy"), scope(machine="m1", environment="prod")),
        (scope(machine="m1"), scope(target_tag="web", environment="prod")),
        (scope(target_tag_of_step="web"), scope(target_tag="web")),
        (scope(target_tag="web", environment="prod"), scope(target_tag="web")),
        (scope(target_tag="web"), scope(tenant="acme")),
        (scope(tenant="acme"), scope(tenant_tag="eu", environment="prod")),
        (scope(tenant_tag="eu"), scope(environment="prod", channel="stable")),
        (scope(environment="prod", channel="stable"), scope(environment="prod")),
        (scope(environment="prod"), scope(channel="stable", process="deployment")),
        (scope(channel="stable"), scope(process="deployment")),
        (scope(process="deployment"), Scope()),
        (scope(environment="prod test"), Scope()),
    ],
)
def test_select_takes_the_most_specific(winner, loser):
    context = Scope({**CONTEXT.entries, "target_tag_of_step": frozenset({"web"})})

    for order in ((winner, loser), (loser, winner)):
        values, warnings = value_of([Definition("A", "yes" if one is winner else "no", one) for one in order], context)

        assert (list(values.values()), warnings) == (["yes"], ())


@pytest.mark.parametrize("kind", KINDS)
def test_select_leaves_out_what_is_scoped_elsewhere(kind):
    assert value_of([Definition("A", "1", Scope({kind: frozenset({"other"})}))]) == ({}, ())
    assert value_of([Definition("A", "1", Scope({kind: frozenset({"x"})}))], Scope()) == ({}, ())


def test_select_needs_every_kind_and_any_entry_of_each():
    both = scope(environment="test prod", tenant="acme")

    assert value_of([Definition("A", "1", both)])[0] == {"A": "1"}
    assert value_of([Definition("A", "1", both)], scope(environment="prod"))[0] == {}


def test_select_does_not_count_entries():
    values, warnings = value_of([Definition("A", "1", scope(environment="prod")), Definition("A", "2", scope(environment="prod test"))])

    assert values == {"A": "1"}
    assert warnings == ("Variable “A” has several values for the same scope; the first one is used.",)


def test_select_forgets_a_tie_below_the_winner():
    values, warnings = value_of([Definition("A", "1"), Definition("a", "2"), Definition("A", "3", scope(environment="prod"))])

    assert (values, warnings) == ({"A": "3"}, ())


@pytest.mark.parametrize("is_first", [True, False])
def test_select_prefers_the_project_to_a_library_only_among_equals(is_first):
    pair = [Definition("A", "library", is_library=True), Definition("A", "project")]
    special = Definition("A", "special", scope(environment="prod"), is_library=True)

    assert value_of(pair if is_first else pair[::-1]) == ({"A": "project"}, ())
    assert value_of([*pair, special] if is_first else [special, *pair])[0] == {"A": "special"}


@pytest.mark.parametrize("kind", ["step", "channel"])
def test_select_never_takes_a_library_value_scoped_to_a_step_or_channel(kind):
    entries = Scope({kind: CONTEXT.entries[kind]})

    values, warnings = value_of([Definition("A", "library", entries, is_library=True), Definition("A", "plain")])

    assert values == {"A": "plain"}
    assert "library sets can not" in warnings[0]


def test_select_withholds_a_sensitive_value():
    found = select((Definition("P", "hunter2", is_sensitive=True), Definition("A", "1")), Scope())

    assert found.values == (("P", ""), ("A", "1"))
    assert found.withheld == {"P"}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("Octopus.Release.Number", True), (" octopus.x", True), ("OCTOPUS", True), ("Octopus[a]", True), ("Octopussy.x", False), ("My.Octopus", False)],
)
def test_is_reserved(name, answer):
    assert is_reserved(name) is answer


FACTS = DeploymentFacts(
    project_id="7",
    project_name="Web shop",
    project_slug="web-shop",
    environment_id="2",
    environment_name="Production",
    environment_slug="production",
    environment_sort_order=0,
    tenant_slug="acme",
    release_id="41",
    release_number="1.4.2",
    release_created="2026-01-02T03:04:05+00:00",
    release_git_commit="0a1b2c3",
    deployment_id="99",
    created_by_username="ada",
    step_name="Update manifests",
    step_number=2,
    server_uri="https://argo.example.com",
    images=("ghcr.io/acme/web:1.4.2", "nginx:1.25@sha256:abc", "localhost:5000/web@sha256:def"),
    outputs={"Wait": {"ArgoCD.VerifyArgoApplicationSyncResult": "Success"}},
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("#{Octopus.Project.Id} #{Octopus.Project.Name} #{Octopus.Project.Slug}", "7 Web shop web-shop"),
        ("#{Octopus.Environment.Id} #{Octopus.Environment.Name} #{Octopus.Environment.Slug} #{Octopus.Environment.SortOrder}", "2 Production production 0"),
        ("#{Octopus.Deployment.Tenant.Slug}", "acme"),
        ("#{Octopus.Release.Number}#{Octopus.Release.Notes}", "1.4.2"),
        ("#{Octopus.Release.Git.CommitHash}#{if Octopus.Release.Git.BranchName}!#{/if}", "0a1b2c3"),
        ("#{Octopus.Deployment.CreatedBy.DisplayName}", "ada"),
        ("#{Octopus.Step.Name} #{Octopus.Action.Number}", "Update manifests 2"),
        ("#{Octopus.Web.ServerUri}", "https://argo.example.com"),
        ("#{Octopus.Action.Package[web].Image}", "ghcr.io/acme/web:1.4.2"),
        ("#{Octopus.Action.Package[web].Registry} #{Octopus.Action.Package[web].PackageId}", "ghcr.io acme/web"),
        ("#{Octopus.Action.Package[ghcr.io/acme/web].PackageVersion}", "1.4.2"),
        ("#{Octopus.Action.Package[nginx].Registry} #{Octopus.Action.Package[nginx].Version}", "docker.io 1.25"),
        ("#{Octopus.Action.Package[localhost:5000/web].Version}", "sha256:def"),
        ("#{Octopus.Action[Wait].Output.ArgoCD.VerifyArgoApplicationSyncResult}", "Success"),
    ],
)
def test_system_variables_are_there_for_templates(template, text):
    rendered = render(template, Variables(system_variables(FACTS)))

    assert (rendered.text, rendered.errors) == (text, ())


def test_system_variables_without_meaning_are_absent():
    names = {name for name, _ in system_variables(DeploymentFacts(project_name="x", tenant_name=None))}

    assert names == {"Octopus.Project.Name"}


def test_system_variables_all_have_reserved_names():
    assert all(is_reserved(name) for name, _ in system_variables(FACTS))
