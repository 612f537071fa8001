"""Pure: files to Kubernetes documents, with Argo CD's texts when they do not parse."""

import re

import yaml

from simulator.repos import SourceError
from simulator.shapes import Json

_API_VERSION, _KIND = re.compile(r"^\"?apiVersion\"?\s*:", re.MULTILINE), re.compile(r"^\"?kind\"?\s*:", re.MULTILINE)


def load_documents(text: str, name: str) -> list[Json]:
    """The documents of a file, Lists unfolded. Raises SourceError when it does not parse."""
    try:
        found = [document for document in yaml.load_all(text, Loader=Loader) if document]
    except yaml.YAMLError as error:
        reason = str(error).replace("\n", " ")
        text = f'Failed to unmarshal "{name}": failed to unmarshal manifest: error converting YAML to JSON: yaml: {reason}'
        raise SourceError(f"rpc error: code = FailedPrecondition desc = {text}") from None
    documents: list[Json] = []
    for document in found:
        if isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
            documents += document["items"]
        elif isinstance(document, dict):
            documents.append(document)
    return [document for document in documents if document.get("kind") and document.get("apiVersion")]


class Loader(yaml.CSafeLoader):
    """JSON's types only: dates stay text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def looks_like_an_object(text: str) -> bool:
    """Argo CD passes over files that do not, without a word."""
    return bool(_API_VERSION.search(text) and _KIND.search(text))
