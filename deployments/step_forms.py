"""The form of one step of a process, for all kinds of steps: what does not concern its kind is kept and not looked at."""

import re
from typing import Any

from django import forms

from deployments.manifests.images import InvalidImage, parse_helm_paths
from deployments.manifests.paths import normalise
from deployments.models import Step
from deployments.status import CommitMethod, StepKind, TemplateOrigin
from deployments.templating import render
from deployments.variables import Variables
from deployments.waiting import InvalidHash, parse_hashes
from infrastructure.repositories import USER_IN_URL, BadRepositoryUrl, parse_url, without_secrets
from infrastructure.selectors import SelectorInvalid, parse_selector

LONGEST_TIMEOUT_S = 24 * 3600
NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$")  # what Git allows in no branch or tag
TEMPLATE = "May be a template, for example #{Octopus.Release.Number}."
DEFAULTED = ("commit_method", "template_origin", "wait_for")  # left out of what was sent: as a new step has them

STEP_FIELDSETS: Any = [  # Django's shape of an admin's fieldsets
    (None, {"fields": ["position", "name", "kind"]}),
    (
        "Update steps: image tags and manifests",
        {
            "fields": [
                "commit_method",
                "pull_request_environments",
                "pull_request_labels",
                "pull_request_reviewers",
                "commit_summary",
                "commit_description",
                "verification",
                "trigger_sync",
            ]
        },
    ),
    ("Image tags step", {"fields": ["helm_paths"]}),
    ("Manifests step", {"fields": ["template_origin", "template_repo_url", "template_ref", "template_path", "purge_output"]}),
    ("Wait step", {"fields": ["wait_for", "expected_count", "label_selector", "commit_hashes"]}),
    ("Timeout: update steps that verify application health, and wait steps", {"fields": ["timeout_s", "waits_forever"]}),
]


class StepForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """One step of a process; releases made from now on take it along."""

    timeout_s = forms.IntegerField(
        label="Timeout in seconds",
        min_value=1,
        max_value=LONGEST_TIMEOUT_S,
        initial=Step._meta.get_field("timeout_s").default,
        help_text="How long the applications may take before the step fails; counted from the commit, or from the beginning of a wait step.",
    )
    expected_count = forms.IntegerField(
        label="Expected applications",
        min_value=1,
        max_value=100_000,
        required=False,
        help_text="At least this many must match, and all that match must be as wanted, also those that appear meanwhile. Empty: at least one.",
    )

    class Meta:
        help_texts = {
            "verification": "When the step is done. “Pull request merged” asks for nothing where the step commits directly.",
            "commit_summary": f"The first line of the commit message and the pull request's title. {TEMPLATE} Empty: a sentence of ours.",
            "commit_description": f"What follows in the commit message and the pull request. {TEMPLATE}",
            "wait_for": "Healthy: Argo CD says Synced and Healthy, no operation runs, and that has held for a few seconds.",
            "label_selector": "Of the applications' own labels, as Kubernetes writes it, for example tier=web,!canary. Empty: all of the scope.",
            "commit_hashes": "7 to 40 hexadecimal digits each, separated by commas; the applications must have synced to one of them. Empty: any. "
            "May be a template, for example #{Commit}.",
            "waits_forever": "Wait steps only: never give up.",
        }
        widgets = {
            "pull_request_environments": forms.CheckboxSelectMultiple,
            "commit_description": forms.Textarea(attrs={"rows": 4}),
            "helm_paths": forms.Textarea(attrs={"rows": 4}),
            "commit_hashes": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in DEFAULTED:
            if name in self.fields:
                self.fields[name].required = False

    def clean_helm_paths(self) -> str:
        text = str(self.cleaned_data["helm_paths"])
        try:
            parse_helm_paths(text)
        except InvalidImage as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def clean(self) -> dict[str, Any]:
        super().clean()
        match self.cleaned_data.get("kind"):
            case StepKind.UPDATE_IMAGES:
                self._check_commit()
            case StepKind.UPDATE_MANIFESTS:
                self._check_commit()
                self._check_templates()
            case StepKind.WAIT_FOR_APPLICATIONS:
                self._check_wait()
        self._name_by_kind()
        return self.cleaned_data

    def _check_commit(self) -> None:
        for field in ("commit_summary", "commit_description"):
            self._check_template(field)
        if self.cleaned_data.get("commit_method") == CommitMethod.PER_ENVIRONMENT and not self.cleaned_data.get("pull_request_environments"):
            self.add_error("pull_request_environments", "Choose the environments that get pull requests, or another commit method.")

    def _check_templates(self) -> None:
        if self.cleaned_data.get("template_origin") != TemplateOrigin.ARCHIVE:
            self._check_repository(self._text("template_repo_url"))
            if NO_REF.search(self._text("template_ref")):
                self.add_error("template_ref", f"“{self._text('template_ref')}” cannot be the name of a branch or tag.")
        path = normalise(self._text("template_path"))
        if path is None or ".git" in path.lower().split("/"):
            self.add_error("template_path", f"“{self._text('template_path')}” leaves the repository. Write the path from its root, for example templates/shop.")

    def _check_repository(self, url: str) -> None:
        if not url:
            self.add_error("template_repo_url", "Name the repository that holds the templates, for example https://git.example.com/acme/templates.")
        elif USER_IN_URL.match(url):
            shown = without_secrets(url)
            self.add_error("template_repo_url", f"“{shown}” came with a user name or password in it. Leave them out: a Git credential has them.")
        else:
            try:
                parse_url(url)
            except BadRepositoryUrl as error:
                self.add_error("template_repo_url", str(error))

    def _check_wait(self) -> None:
        try:
            parse_selector(self._text("label_selector"))
        except SelectorInvalid as error:
            self.add_error("label_selector", str(error))
        hashes = self._text("commit_hashes")
        if "#{" in hashes:
            self._check_template("commit_hashes")
            return
        try:
            parse_hashes(hashes)
        except InvalidHash as error:
            self.add_error("commit_hashes", str(error))

    def _check_template(self, field: str) -> None:
        """Only whether it parses: what its variables are is known when it is rendered."""
        for error in render(self._text(field), Variables()).errors:
            if not error.variable and not error.expression:
                self.add_error(
                    field, f"The template does not parse in line {error.line}, column {error.column}: a #{{ without its }}, or a block without its end."
                )

    def _name_by_kind(self) -> None:
        """A new step of another kind is not called what image steps are called."""
        default, kind = Step._meta.get_field("name").default, self.cleaned_data.get("kind")
        if self.instance.pk is None and self.cleaned_data.get("name") == default and kind and kind != StepKind.UPDATE_IMAGES:
            self.cleaned_data["name"] = StepKind(kind).label

    def _text(self, field: str) -> str:
        return str(self.cleaned_data.get(field) or "")
