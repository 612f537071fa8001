"""What people fill in to make a release and to deploy it."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet

from deployments import services
from deployments.models import Release, TemplateArchive
from infrastructure.models import ApplicationSource, Environment, Project, Tenant


class ReleaseForm(forms.Form):
    """A project, a version, images with tags, and what to do then."""

    project = forms.ModelChoiceField(queryset=Project.objects.none(), to_field_name="slug", empty_label=None)
    version = forms.CharField(max_length=100, help_text="For example 1.4.2.")
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False, help_text="Why this release. People see them before they deploy.")
    images = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text="One a line, with its tag, for example ghcr.io/acme/web:1.4.2. Without a registry it is Docker Hub’s. Tags are taken as typed.",
    )
    archive = forms.FileField(
        label="Template archive",
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".zip,.tar.gz,.tgz"}),
        help_text="A zip or tar.gz of at most 20 MB. It is kept as it is; deployments of this release render what is in it.",
    )
    stored_archive = forms.ModelChoiceField(
        label="Or one that was uploaded before", queryset=TemplateArchive.objects.none(), required=False, empty_label="None of these"
    )
    then = forms.ChoiceField(choices=[("nothing", "Only create it"), ("dry-run", "Show what it would change")], initial="dry-run", widget=forms.RadioSelect)
    environment = forms.ModelChoiceField(queryset=Environment.objects.none(), to_field_name="slug", required=False, empty_label=None)

    def __init__(self, *args: Any, user: User, projects: QuerySet[Project], project: Project | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["project"]
        field.queryset = projects
        field.initial = project.slug if project else None
        environments: Any = self.fields["environment"]
        environments.queryset = Environment.objects.visible_to(user)
        last = Release.objects.filter(project=project).first() if project else None
        if last is not None:
            self.fields["version"].help_text = f"For example 1.4.2. The last one is {last.version}."
            self.fields["images"].initial = "\n".join(last.images)
        self.fields["images"].required = project is None or services.needs_images(project)
        self._offer_archives(project)

    def _offer_archives(self, project: Project | None) -> None:
        """Only a process with a step that takes one has use for an archive."""
        if project is None or not services.needs_archive(project):
            del self.fields["archive"], self.fields["stored_archive"]
            return
        stored: Any = self.fields["stored_archive"]
        stored.queryset = TemplateArchive.objects.filter(project=project).defer("content")
        if not stored.queryset.exists():
            del self.fields["stored_archive"]

    def clean_images(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["images"].splitlines() if line.strip()]


class DeployForm(forms.Form):
    """Where a release goes: an environment, and a tenant if its applications have tenants."""

    environment = forms.ModelChoiceField(queryset=Environment.objects.none(), to_field_name="slug", empty_label=None)
    tenant = forms.ModelChoiceField(queryset=Tenant.objects.none(), to_field_name="slug", required=False, empty_label="No tenant")

    def __init__(self, *args: Any, user: User, release: Release, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        environments: Any = self.fields["environment"]
        environments.queryset = Environment.objects.visible_to(user)
        with_tenant = ApplicationSource.objects.filter(project=release.project, is_mapped=True, tenant__isnull=False)
        tenants: Any = self.fields["tenant"]
        tenants.queryset = Tenant.objects.visible_to(user).filter(pk__in=with_tenant.values("tenant"))
