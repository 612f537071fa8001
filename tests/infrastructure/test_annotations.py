"""Annotations for an application's sources: right keys, nothing misleading left behind."""

import yaml

from infrastructure.annotations import kubectl_command, plan_annotations

SCOPE = {"project": "shop", "environment": "production", "tenant": ""}


def test_plan_annotations_of_a_single_unnamed_source_has_no_suffix():
    plan = plan_annotations(names=[""], chosen=[0], scope=SCOPE, present={})

    assert plan.settings == {"argo.octopus.com/project": "shop", "argo.octopus.com/environment": "production"}
    assert yaml.safe_load(plan.yaml) == {"metadata": {"annotations": plan.settings}}
    assert plan.obstacles == ()


def test_plan_annotations_of_named_sources_carries_their_names_and_takes_unqualified_keys_away():
    plan = plan_annotations(names=["chart", "values"], chosen=[1], scope={**SCOPE, "tenant": "north"}, present={"argo.octopus.com/project": "shop"})

    assert list(plan.settings) == ["argo.octopus.com/project.values", "argo.octopus.com/environment.values", "argo.octopus.com/tenant.values"]
    assert plan.removals == ("argo.octopus.com/project",)


def test_plan_annotations_takes_a_tenant_away_that_is_not_meant_any_more():
    plan = plan_annotations(names=[""], chosen=[0], scope=SCOPE, present={"argo.octopus.com/tenant": "north"})

    assert plan.removals == ("argo.octopus.com/tenant",)


def test_plan_annotations_says_what_an_unnamed_source_among_several_needs():
    plan = plan_annotations(names=["", "values"], chosen=[0], scope=SCOPE, present={})

    assert plan.settings == {}
    assert plan.yaml == ""
    assert "Source 1 has no name" in plan.obstacles[0]
    assert kubectl_command(plan, namespace="argocd", application="shop") == ""


def test_plan_annotations_says_that_two_sources_have_one_name():
    plan = plan_annotations(names=["values", "values "], chosen=[0], scope=SCOPE, present={})

    assert any("Two sources are named values" in obstacle for obstacle in plan.obstacles)


def test_kubectl_command_quotes_what_a_shell_would_read():
    plan = plan_annotations(names=[""], chosen=[0], scope={"project": "a b", "environment": "$(x)"}, present={"argo.octopus.com/tenant": "x"})

    command = kubectl_command(plan, namespace="argo cd", application="shop")

    assert command == (
        "kubectl --namespace 'argo cd' annotate applications.argoproj.io shop --overwrite \\\n"
        "  'argo.octopus.com/project=a b' \\\n"
        "  'argo.octopus.com/environment=$(x)' \\\n"
        "  argo.octopus.com/tenant-"
    )
