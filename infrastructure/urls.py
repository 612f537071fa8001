"""Addresses of the pages of what exists."""

from django.urls import URLPattern, URLResolver, path

from infrastructure.views import annotations, gateways, instances, known_hosts, wizard

urlpatterns: list[URLPattern | URLResolver] = [
    path("instances/", instances.index, name="instances"),
    path("instances/add/", wizard.add, name="instance-add"),
    path("instances/<str:name>/", instances.detail, name="instance"),
    path("instances/<str:name>/edit/", instances.edit, name="instance-edit"),
    path("instances/<str:name>/remove/", instances.remove, name="instance-remove"),
    path("instances/<str:name>/install/", wizard.install, name="instance-install"),
    path("instances/<str:name>/connect/", wizard.connect, name="instance-connect"),
    path("instances/<str:name>/token/", wizard.new_token, name="instance-token"),
    path("instances/<str:name>/check/", gateways.check, name="instance-check"),
    path("instances/<str:name>/rotate-key/", gateways.rotate_key, name="instance-rotate-key"),
    path("instances/<str:name>/revoke-key/", gateways.revoke_key, name="instance-revoke-key"),
    path("instances/<str:name>/annotations/", annotations.annotations, name="annotations"),
    path("known-hosts/", known_hosts.index, name="known-hosts"),
]
