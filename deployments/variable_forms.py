"""What people fill in for variables, sets of them, and to try a template. A sensitive value is never given back to the page."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet

from deployments.models import Release, Step, Variable, VariableSet
from deployments.templating import Mode
from infrastructure.models import Environment, Project, Tenant

TEMPLATE_LENGTH = 200_000
MOST_RELEASES = 50
CODE = {"class": "mono", "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none"}


class VariableForm(forms.Form):
    """One value of a variable, and where it applies."""

    name = forms.CharField(max_length=300, widget=forms.TextInput(attrs=CODE), help_text="For example Database.Host. Templates write #{Database.Host}.")
    value = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={**CODE, "rows": 4}), help_text="It may use other variables: #{Other}.")
    is_sensitive = forms.BooleanField(
        required=False,
        label="Sensitive",
        help_text="Stored encrypted and write-only. A template or a commit message that needs it fails the deployment, so it never reaches Git.",
    )
    environments = forms.ModelMultipleChoiceField(
        queryset=Environment.objects.none(), to_field_name="slug", required=False, widget=forms.CheckboxSelectMultiple, help_text="None chosen: in all."
    )
    tenants = forms.ModelMultipleChoiceField(
        queryset=Tenant.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: for all, and without a tenant.",
    )
    steps = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, user: User, variable: Variable, project: Project | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.variable = variable
        places: Any = self.fields["environments"]
        places.queryset = Environment.objects.visible_to(user)
        tenants: Any = self.fields["tenants"]
        tenants.queryset = Tenant.objects.visible_to(user)
        self._offer_steps(project)
        if variable.pk:
            self._begin_with(variable)

    def hide_value(self) -> None:
        """Forget a sensitive value that was typed, before the form is shown again."""
        if self.is_bound and self.data.get("is_sensitive") and self.data.get("value"):
            typed: Any = self.data
            typed = typed.copy()
            typed["value"] = ""
            self.data = typed
            self.add_error("value", "Enter the sensitive value again: it is not shown.")

    def _offer_steps(self, project: Project | None) -> None:
        names = list(Step.objects.filter(project=project).order_by("position").values_list("name", flat=True)) if project else []
        names = list(dict.fromkeys([*names, *self.variable.steps]))
        if project is None or not names:
            del self.fields["steps"]
            return
        steps: Any = self.fields["steps"]
        steps.choices = [(name, name) for name in names]

    def _begin_with(self, variable: Variable) -> None:
        self.initial = {
            "name": variable.name,
            "value": "" if variable.is_sensitive else variable.value,
            "is_sensitive": variable.is_sensitive,
            "environments": [place.slug for place in variable.environments.all()],
            "tenants": [tenant.slug for tenant in variable.tenants.all()],
            "steps": variable.steps,
            **self.initial,
        }
        if variable.is_sensitive:
            self.fields["value"].help_text = "A value is stored, and nobody can read it here. Leave this empty to keep it; type another to replace it."


class VariableSetForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A library set's name and what it is for."""

    name = forms.CharField(max_length=100, help_text="For example Databases.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="What it is for, and who may say more.")

    class Meta:
        model = VariableSet
        fields = ["name", "description"]

    def validate_unique(self) -> None:
        """The service refuses a name that is taken, in any case."""


class TrialForm(forms.Form):
    """A template, and what to try it against."""

    use_required_attribute = False  # every refusal is a sentence of ours
    project = forms.ModelChoiceField(queryset=Project.objects.none(), to_field_name="slug", widget=forms.HiddenInput)
    release = forms.ModelChoiceField(
        queryset=Release.objects.none(),
        required=False,
        empty_label="As the process and variables are now",
        error_messages={"invalid_choice": "There is no such release of this project. Choose one of the list."},
    )
    environment = forms.ModelChoiceField(queryset=Environment.objects.none(), to_field_name="slug", empty_label=None)
    tenant = forms.ModelChoiceField(queryset=Tenant.objects.none(), to_field_name="slug", required=False, empty_label="No tenant")
    step = forms.ChoiceField(required=False, help_text="For values that are scoped to a step.")
    mode = forms.ChoiceField(
        choices=[(Mode.CONTINUING.value, "As a file"), (Mode.HALTING.value, "As a message")],
        initial=Mode.CONTINUING.value,
        widget=forms.RadioSelect,
        label="Read it",
    )
    template = forms.CharField(
        strip=False,
        max_length=TEMPLATE_LENGTH,
        widget=forms.Textarea(attrs={**CODE, "rows": 14, "wrap": "off"}),
        help_text="For example: image: #{Image.Name}:#{Octopus.Release.Number}",
        error_messages={"required": "Write a template, or paste one."},
    )

    def __init__(self, *args: Any, user: User, projects: QuerySet[Project], project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["project"].queryset = projects
        fields["project"].initial = project.slug
        fields["release"].queryset = self._releases(user, project)
        fields["environment"].queryset = Environment.objects.visible_to(user)
        fields["tenant"].queryset = Tenant.objects.visible_to(user)
        names = dict.fromkeys(Step.objects.filter(project=project).order_by("position").values_list("name", flat=True))
        fields["step"].choices = [("", "No step in particular"), *((name, name) for name in names)]
        fields["mode"].option_hints = {
            Mode.CONTINUING.value: "What is no tag is kept, as in a file of templates.",
            Mode.HALTING.value: "All or nothing, as in a commit message.",
        }

    def _releases(self, user: User, project: Project) -> QuerySet[Release]:
        """The project's newest releases, and the one that was asked for however old it is."""
        of_project = Release.objects.visible_to(user).filter(project=project)
        keys = list(of_project.order_by("-created_at", "-pk").values_list("pk", flat=True)[:MOST_RELEASES])
        asked = str(self.data.get("release") or self.initial.get("release") or "")
        if asked.isdecimal() and asked.isascii() and len(asked) < 18:
            keys.append(int(asked))
        return of_project.filter(pk__in=keys).select_related("project").order_by("-created_at", "-pk")

    def clean_template(self) -> str:
        return str(self.cleaned_data["template"]).replace("\r\n", "\n")
