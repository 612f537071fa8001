"""Image references: parsing, comparing, and writing them back in the form they were found in. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

DOCKER_HUB = "docker.io"
_HELM_PATH = re.compile(r"[^\s.=]+(?:\.[^\s.=]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_NAME = re.compile(r"[A-Za-z0-9]+(?:(?:\.|_|__|-+)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:\.|_|__|-+)[A-Za-z0-9]+)*)*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f]")


class InvalidImage(ValueError):
    """A text that is not an image reference. Its message is a sentence shown to the user as it is."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as somebody wrote it. `registry` and `tag` are "" when they were not written."""

    registry: str
    name: str
    tag: str
    digest: str  # "sha256:…", or ""
    key: tuple[str, str]  # registry and name as they compare

    @classmethod
    def parse(cls, text: str, default_registry: str = DOCKER_HUB) -> Self:
        """Read a reference; `default_registry` is whose an unqualified image is.

        Raises InvalidImage when the text is blank or holds white space.
        """
        if not text or _UNFIT.search(text):
            raise InvalidImage(f"“{_shorten(text)}” is not an image: it is empty or holds a space." if text.strip() else "The image is empty.")
        rest, _, digest = text.partition("@")
        head, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            head, tag = rest, ""
        first, slash, others = head.partition("/")
        registry, name = (first, others) if slash and ("." in first or ":" in first or first.lower() == "localhost") else ("", head)
        if not name:
            raise InvalidImage(f"“{_shorten(text)}” is not an image: it has no name.")
        return cls(registry, name, tag, digest, _key(registry or default_registry or DOCKER_HUB, name))

    @property
    def without_tag(self) -> str:
        """Registry and name, as written."""
        return f"{self.registry}/{self.name}" if self.registry else self.name

    @property
    def qualified(self) -> str:
        """Registry and name, with the registry that an unqualified image belongs to."""
        return self.without_tag if self.registry else f"{self.key[0]}/{self.name}"

    def with_tag(self, tag: str) -> str:
        """The reference as written, with another tag."""
        return f"{self.without_tag}:{tag}"

    def same_image(self, other: "ImageReference") -> bool:
        """Are these the same image, whatever their tags? Case of registry and name does not count."""
        return self.key == other.key

    def __str__(self) -> str:
        return self.without_tag + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def _key(registry: str, name: str) -> tuple[str, str]:
    registry, name = registry.lower(), name.lower()
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB:
        name = name.removeprefix("library/")
    return registry, name


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


@lru_cache(maxsize=8192)
def parse_cached(text: str, default_registry: str) -> ImageReference | None:
    """The reference, or None when the text is none."""
    if len(text) > 1000:
        return None
    try:
        return ImageReference.parse(text, default_registry)
    except InvalidImage:
        return None


@dataclass(frozen=True, slots=True)
class StepImage:
    """An image with the tag being deployed. `helm_path` is its dotted path in values files, or ""."""

    reference: ImageReference
    helm_path: str = ""

    @classmethod
    def parse(cls, text: str, helm_path: str = "") -> Self:
        """Raises InvalidImage as parse_step_image does."""
        return cls(parse_step_image(text), helm_path.strip())

    @property
    def tag(self) -> str:
        return self.reference.tag

    @property
    def text(self) -> str:
        return str(self.reference)


def parse_helm_paths(text: str) -> dict[tuple[str, str], str]:
    """Read lines "image = path.of.its.value" to {(registry, name): path}; empty lines do not count.

    Raises InvalidImage with a sentence for the form, naming the line.
    """
    paths: dict[tuple[str, str], str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        image, equals, path = (part.strip() for part in line.partition("="))
        if not equals or not image or not _HELM_PATH.fullmatch(path):
            raise InvalidImage(f"{_shorten(line)} is no Helm value path. Write image = path, for example ghcr.io/acme/web = web.image.tag.")
        paths[ImageReference.parse(image).key] = path
    return paths


def parse_step_image(text: str) -> ImageReference:
    """Read an image to deploy, for example "ghcr.io/acme/web:1.4.2". Unqualified ones are Docker Hub's.

    Raises InvalidImage with a sentence for the form when it cannot be deployed.
    """
    text = text.strip()
    shown = _shorten(text)
    reference = ImageReference.parse(text)
    if reference.digest or "@" in text:
        raise InvalidImage(f"{shown} names a digest. Give a tag instead, for example {reference.without_tag}:1.4.2.")
    if not reference.tag:
        raise InvalidImage(f"{shown} has no tag. Give one, for example {reference.without_tag.rstrip(':')}:1.4.2.")
    if not _TAG.fullmatch(reference.tag):
        raise InvalidImage(f"{_shorten(reference.tag)} in {shown} is not a tag: letters, digits, dots, dashes and underscores only, at most 128.")
    if not _NAME.fullmatch(reference.name) or (reference.registry and not _REGISTRY.fullmatch(reference.registry)):
        raise InvalidImage(f"{shown} is not an image. Write it as registry/name:tag, for example ghcr.io/acme/web:1.4.2.")
    return reference


def step_images(images: Iterable[str], helm_paths: str = "") -> list[StepImage]:
    """The images of a release, each with its path in values files if the step names one. Raises InvalidImage."""
    paths = parse_helm_paths(helm_paths)
    parsed = [StepImage.parse(text) for text in images]
    return [StepImage(image.reference, paths.get(image.reference.key, "")) for image in parsed]


class StepImages:
    """The step's images, found by registry and name; of two that are the same image the first counts."""

    def __init__(self, images: Sequence[StepImage], default_registry: str) -> None:
        self.images = tuple(images)
        self.default_registry = default_registry or DOCKER_HUB
        self._by_key: dict[tuple[str, str], StepImage] = {}
        self._by_name: dict[str, StepImage] = {}
        for image in images:
            self._by_key.setdefault(image.reference.key, image)
            self._by_name.setdefault(image.reference.key[1], image)

    def parse(self, text: str) -> ImageReference | None:
        return parse_cached(text, self.default_registry)

    def same(self, reference: ImageReference) -> StepImage | None:
        """The step image that is this image."""
        return self._by_key.get(reference.key)

    def named_alike(self, reference: ImageReference) -> StepImage | None:
        """A step image of the same name, maybe of another registry."""
        return self._by_name.get(reference.key[1])

    @property
    def words(self) -> tuple[str, ...]:
        """What a text that mentions one of the images must contain, lower-case."""
        return tuple({key[1].rpartition("/")[2] for key in self._by_key})
