"""What our admin pages share: changes by services, refusals as messages, and rows that only Octoargo writes."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from infrastructure.services import InfrastructureError

M = TypeVar("M", bound=models.Model)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
else:  # generic for the type checker only

    class _Generic:
        def __class_getitem__(cls, _item: Any) -> type:
            return cls

    class ModelAdmin(_Generic, admin.ModelAdmin):
        """Django's, with a type parameter."""

    class TabularInline(_Generic, admin.TabularInline):
        """Django's, with type parameters."""


class SearchedAdmin(ModelAdmin[M]):
    """Searches for a few words at most: each is a condition in the database's statement."""

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet[M], search_term: str) -> tuple[models.QuerySet[M], bool]:
        return super().get_search_results(request, queryset, " ".join(search_term.split()[:10]))


class ServiceAdmin(SearchedAdmin[M]):
    """Saves and deletes by `write` and `erase`; a refusal is a message, and the page comes back."""

    def write(self, obj: M, *, by: User, now: Any, form: Any) -> None:
        """Save through a service."""
        raise InfrastructureError("This is not changed here.")

    def erase(self, obj: M, *, by: User, now: Any) -> None:
        """Delete through a service."""
        raise InfrastructureError("This is not deleted here.")

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        self.write(obj, by=_person(request), now=timezone.now(), form=form)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self.erase(obj, by=_person(request), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[M]) -> None:
        for obj in queryset:
            self.erase(obj, by=_person(request), now=timezone.now())

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InfrastructureError as error:
            return self._refused(request, error)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().delete_view(request, *args, **kwargs)
        except InfrastructureError as error:
            return self._refused(request, error)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except InfrastructureError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: InfrastructureError) -> HttpResponse:
        self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(SearchedAdmin[M]):
    """Rows that Octoargo writes itself: to look at."""

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin let this person in
    return request.user
