"""Who did what, when: to read only."""

from django.contrib import admin

from infrastructure.admin.base import ReadOnlyAdmin
from infrastructure.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """The append-only trail."""

    list_display = ["at", "kind", "object_name", "by"]
    list_filter = ["kind"]
    list_select_related = ["by"]
    search_fields = ["object_name", "kind"]
    date_hierarchy = "at"
    show_full_result_count = False
