"""What stands in the demo's repositories, and the Applications that point at it. Pure."""

from typing import Any

from simulator import demo_templates
from simulator.demo_templates import BILLING

SHOP, CATALOG = "platform/shop-config.git", "platform/catalog-config.git"
SHOP_FOLDERS = ("development", "staging", "production", "north", "south", "us", "us-edge")

DEPLOYMENT = """\
# The {name} front end. Team harbour owns it.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: web
          image: {image}  # set by Octoargo
          ports:
            - containerPort: 8080
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
    - port: 80
      targetPort: 8080
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-settings
data:
  greeting: "Welcome aboard"
"""
CHART = {
    "charts/catalog/Chart.yaml": "apiVersion: v2\nname: catalog\nversion: 0.1.0\n",
    "charts/catalog/values.yaml": "image:\n  registry: ghcr.io\n  repository: acme/catalog\n  tag: 2.0.0\nreplicas: 2\n",
    "charts/catalog/templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: catalog
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: catalog}
  template:
    metadata:
      labels: {app: catalog}
    spec:
      containers:
        - name: api
          image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"
""",
}
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../base
images:
  - name: ghcr.io/acme/catalog
    newTag: 2.0.0  # the API
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: catalog
      spec:
        replicas: 1
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: catalog
      spec:
        template:
          spec:
            initContainers:
              - name: migrate
                image: ghcr.io/acme/catalog:2.0.0
  - path: sidecar.yaml
    target:
      kind: Deployment
      name: catalog
"""
SIDECAR_PATCH = """\
# A proxy beside the API, at the same version
- op: add
  path: /spec/template/spec/containers/-
  value:
    name: warm-up
    image: ghcr.io/acme/catalog:2.0.0
"""
IMAGE_TEMPLATE = "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"


def repositories() -> dict[str, dict[str, str | bytes | None]]:
    """{"platform/shop-config.git": {"envs/staging/deployment.yaml": "…"}}."""
    shop: dict[str, str | bytes | None] = {"README.md": "# What runs of shop, and where\n"}
    for folder in SHOP_FOLDERS:
        shop[f"envs/{folder}/deployment.yaml"] = DEPLOYMENT.format(name="shop", replicas=2, image="ghcr.io/acme/shop-web:1.4.1")
        shop[f"envs/{folder}/service.yaml"] = SERVICE.format(name="shop")
    catalog: dict[str, str | bytes | None] = {
        "README.md": "# What runs of catalog, and where\n",
        "envs/development/deployment.yaml": DEPLOYMENT.format(name="catalog", replicas=1, image="ghcr.io/acme/catalog:2.0.0"),
        "base/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - deployment.yaml\n",
        "base/deployment.yaml": DEPLOYMENT.format(name="catalog", replicas=2, image="ghcr.io/acme/catalog:2.0.0"),
        "staging/kustomization.yaml": KUSTOMIZATION,
        "staging/sidecar.yaml": SIDECAR_PATCH,
        "envs/us/values.yaml": "# Our part of the chart's values\nimage:\n  registry: ghcr.io\n  repository: acme/catalog\n  tag: 2.0.0\n",
        "third-party/configmap.yaml": SERVICE.format(name="ledger"),
        **CHART,
    }
    return {SHOP: shop, CATALOG: catalog, **demo_templates.repositories()}


def applications(instance: str, git_url: str) -> list[dict[str, Any]]:
    """The Applications of one Argo CD, "eu-west" or "us-east"."""
    shop, catalog, billing = f"{git_url}/{SHOP}", f"{git_url}/{CATALOG}", f"{git_url}/{BILLING}"
    if instance == "eu-west":
        return [
            _application("shop-development", _source(shop, "envs/development"), _scope("shop", "development"), self_heal=True),
            _application("shop-staging", _source(shop, "envs/staging"), _scope("shop", "staging")),
            _application("shop-production", _source(shop, "envs/production"), _scope("shop", "production")),
            _application("shop-north", _source(shop, "envs/north"), _scope("shop", "production", "north"), self_heal=True),
            _application("shop-south", _source(shop, "envs/south"), _scope("shop", "production", "south"), self_heal=True),
            _application("catalog-development", _source(catalog, "envs/development"), _scope("catalog", "development")),
            _application("catalog-staging", _source(catalog, "staging"), _scope("catalog", "staging")),
            _application("billing-staging", _source(billing, "envs/staging"), _scope("billing", "staging"), self_heal=True),
            _application("billing-production", _source(billing, "envs/production"), _scope("billing", "production"), self_heal=True),
            _application("ledger", _source(catalog, "third-party"), _scope("catalog", "prod")),
        ]
    chart_scope = _scope("catalog", "production") | {"argo.octopus.com/image-replace-paths": IMAGE_TEMPLATE}
    return [
        _application("shop-us", _source(shop, "envs/us"), _scope("shop", "production"), self_heal=True),
        _application("shop-us-edge", _source(shop, "envs/us-edge"), {}, labels={"team": "harbour", "tier": "edge"}, self_heal=True),
        _application("catalog-production", _source(catalog, "charts/catalog"), chart_scope),
        _two_source_application(catalog),
        _application("cert-manager", _source(catalog, "third-party"), {}),
    ]


def _two_source_application(catalog: str) -> dict[str, Any]:
    """A chart whose values come from a second source: the annotations are qualified by the sources' names."""
    application = _application(
        "catalog-us",
        {},
        {
            "argo.octopus.com/project.values": "catalog",
            "argo.octopus.com/environment.values": "production",
            "argo.octopus.com/image-replace-paths.chart": IMAGE_TEMPLATE,
        },
    )
    del application["spec"]["source"]
    application["spec"]["sources"] = [
        {**_source(catalog, "charts/catalog"), "name": "chart", "helm": {"valueFiles": ["$values/envs/us/values.yaml"]}},
        {"repoURL": catalog, "targetRevision": "main", "ref": "values", "name": "values"},
    ]
    return application


def _source(repo_url: str, path: str) -> dict[str, Any]:
    return {"repoURL": repo_url, "path": path, "targetRevision": "main"}


def _scope(project: str, environment: str, tenant: str = "") -> dict[str, str]:
    annotations = {"argo.octopus.com/project": project, "argo.octopus.com/environment": environment}
    return annotations | ({"argo.octopus.com/tenant": tenant} if tenant else {})


def _application(
    name: str, source: dict[str, Any], annotations: dict[str, str], *, labels: dict[str, str] | None = None, self_heal: bool = False
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "argocd", "labels": labels or {}, "annotations": annotations},
        "spec": {
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            "project": "default",
            "syncPolicy": {"automated": {"prune": True, "selfHeal": self_heal}},
        },
    }
