"""Addresses of the pages of what we do."""

from django.urls import URLPattern, URLResolver, path

from deployments.views import applications, deployments, overview, releases

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.show, name="overview"),
    path("applications/", applications.applications, name="applications"),
    path("applications/<int:pk>/", applications.application_detail, name="application"),
    path("applications/<int:pk>/act/", applications.application_act, name="application-act"),
    path("deployments/", deployments.deployment_list, name="deployments"),
    path("deployments/<int:pk>/", deployments.deployment_detail, name="deployment"),
    path("deployments/<int:pk>/act/", deployments.deployment_act, name="deployment-act"),
    path("releases/", releases.release_list, name="releases"),
    path("releases/new/", releases.release_new, name="release-new"),
    path("releases/<int:pk>/", releases.release_detail, name="release"),
    path("releases/<int:pk>/deploy/", releases.release_deploy, name="release-deploy"),
]
