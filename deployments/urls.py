"""Addresses of the pages of what we do."""

from django.urls import URLPattern, URLResolver, path

from deployments.views import applications, deployments, overview, releases, templates, variable_sets, variables

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
    path("releases/<int:pk>/variables/", variables.release_variables, name="release-variables"),
    path("variables/", variables.variable_list, name="variables"),
    path("variables/new/", variable_sets.set_new, name="variable-set-new"),
    path("variables/<int:pk>/", variable_sets.set_detail, name="variable-set"),
    path("variables/<int:pk>/edit/", variable_sets.set_edit, name="variable-set-edit"),
    path("variables/<int:pk>/remove/", variable_sets.set_remove, name="variable-set-remove"),
    path("variables/<int:pk>/new/", variables.set_variable_new, name="set-variable-new"),
    path("variables/values/<int:pk>/", variables.variable_edit, name="variable-edit"),
    path("variables/values/<int:pk>/remove/", variables.variable_remove, name="variable-remove"),
    path("projects/<slug:slug>/variables/", variables.project_variables, name="project-variables"),
    path("projects/<slug:slug>/variables/new/", variables.project_variable_new, name="project-variable-new"),
    path("projects/<slug:slug>/variables/sets/", variables.project_sets, name="project-variable-sets"),
    path("templates/try/", templates.template_try, name="template-try"),
]
