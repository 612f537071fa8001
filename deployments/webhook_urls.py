"""Addresses of webhooks: the door for Git hosts, with and without a slash at its end, and the pages for people."""

from django.urls import URLPattern, URLResolver, path

from deployments.views import webhooks

urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks/<str:kind>/<str:key>", webhooks.receive, name="hook"),
    path("hooks/<str:kind>/<str:key>/", webhooks.receive),
    path("webhooks/", webhooks.webhook_list, name="webhooks"),
    path("webhooks/add/", webhooks.webhook_new, name="webhook-new"),
    path("webhooks/<uuid:pk>/", webhooks.webhook_detail, name="webhook"),
    path("webhooks/<uuid:pk>/edit/", webhooks.webhook_edit, name="webhook-edit"),
    path("webhooks/<uuid:pk>/rotate/", webhooks.webhook_rotate, name="webhook-rotate"),
    path("webhooks/<uuid:pk>/delete/", webhooks.webhook_delete, name="webhook-delete"),
]
