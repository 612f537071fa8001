"""The part of the demo's world that is written from templates: billing. Pure."""

BILLING, TEMPLATES = "platform/billing-config.git", "platform/templates.git"
DEPLOYMENT_TEMPLATE = """\
# Written by Octoargo from platform/templates. Change it there.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: billing
  labels: {app: billing}
  annotations:
    acme.example/release: "#{Octopus.Release.Number}"
    acme.example/environment: "#{Octopus.Environment.Name | ToUpper}"
spec:
  replicas: #{Replicas}
  selector:
    matchLabels: {app: billing}
  template:
    metadata:
      labels: {app: billing}
    spec:
      containers:
        - name: api
          image: ghcr.io/acme/billing:#{Octopus.Release.Number}
          ports:
            - containerPort: 8080
          env:
            - name: CURRENCY
              value: "#{Currency}"
"""
SETTINGS_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: billing-settings
data:
  team: "#{Team}"
  features: |
#{each feature in Features}
    #{feature}
#{/each}
"""
FIRST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: billing
spec:
  replicas: 1
  selector:
    matchLabels: {app: billing}
  template:
    metadata:
      labels: {app: billing}
    spec:
      containers:
        - name: api
          image: ghcr.io/acme/billing:3.0.0
"""


def repositories() -> dict[str, dict[str, str | bytes | None]]:
    """As demo_files.repositories()."""
    return {
        TEMPLATES: {
            "README.md": "# Templates of what the platform runs\n",
            "billing/deployment.yaml": DEPLOYMENT_TEMPLATE,
            "billing/settings.yaml": SETTINGS_TEMPLATE,
        },
        BILLING: {
            "README.md": "# What runs of billing, and where\n",
            "envs/staging/deployment.yaml": FIRST,
            "envs/production/deployment.yaml": FIRST,
        },
    }
