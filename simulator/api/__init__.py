"""The REST API of the simulated argocd-server."""
