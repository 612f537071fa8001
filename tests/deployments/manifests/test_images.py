"""Image references: reading, comparing, writing back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.manifests.images import ImageReference, InvalidImage, StepImage, StepImages, parse_cached, parse_helm_paths, parse_step_image, step_images


@pytest.mark.parametrize(
    ("text", "registry", "name", "tag", "digest"),
    [
        ("nginx", "", "nginx", "", ""),
        ("nginx:1.25", "", "nginx", "1.25", ""),
        ("library/nginx:1.25", "", "library/nginx", "1.25", ""),
        ("docker.io/library/nginx:1.25", "docker.io", "library/nginx", "1.25", ""),
        ("localhost/web:1", "localhost", "web", "1", ""),
        ("localhost:5000/web", "localhost:5000", "web", "", ""),
        ("registry.acme.example:5000/shop/web:V1.2", "registry.acme.example:5000", "shop/web", "V1.2", ""),
        ("GHCR.io/Acme/Web:Tag", "GHCR.io", "Acme/Web", "Tag", ""),
        ("nginx@sha256:abc", "", "nginx", "", "sha256:abc"),
        ("ghcr.io/acme/web:1.2@sha256:abc", "ghcr.io", "acme/web", "1.2", "sha256:abc"),
        ("acme/web", "", "acme/web", "", ""),
        ("nginx:", "", "nginx", "", ""),
    ],
)
def test_parse_splits_a_reference(text, registry, name, tag, digest):
    reference = ImageReference.parse(text)

    assert (reference.registry, reference.name, reference.tag, reference.digest) == (registry, name, tag, digest)
    assert str(reference) == text.rstrip(":")


@pytest.mark.parametrize("text", ["", " ", "a b", "nginx:1 ", "a\tb", "a\nb", "ghcr.io/", ":1.2", "\x00"])
def test_parse_refuses_what_is_no_reference(text):
    with pytest.raises(InvalidImage):
        ImageReference.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "default", "is_same"),
    [
        ("nginx", "docker.io/nginx:2", "docker.io", True),
        ("nginx", "docker.io/library/nginx", "docker.io", True),
        ("library/nginx", "index.docker.io/nginx", "docker.io", True),
        ("NGINX:1", "nginx:2", "docker.io", True),
        ("Ghcr.IO/Acme/web", "ghcr.io/acme/WEB", "docker.io", True),
        ("nginx", "my.registry/nginx", "my.registry", True),
        ("nginx", "docker.io/nginx", "my.registry", False),
        ("my.registry/library/nginx", "my.registry/nginx", "docker.io", False),
        ("library/nginx", "my.registry/nginx", "my.registry", False),
        ("nginx", "nginx/nginx", "docker.io", False),
        ("registry:5000/a", "registry/a", "docker.io", False),
    ],
)
def test_same_image_folds_docker_hub_only(one, other, default, is_same):
    assert ImageReference.parse(one, default).same_image(ImageReference.parse(other, default)) is is_same


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("nginx", "nginx:1.10"),
        ("index.docker.io/Library/nginx:1", "index.docker.io/Library/nginx:1.10"),
        ("host:5000/a/b", "host:5000/a/b:1.10"),
    ],
)
def test_with_tag_keeps_the_written_form(text, written):
    assert ImageReference.parse(text).with_tag("1.10") == written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nginx", "nginx has no tag. Give one, for example nginx:1.4.2."),
        ("ghcr.io/acme/web", "ghcr.io/acme/web has no tag. Give one, for example ghcr.io/acme/web:1.4.2."),
        ("nginx:", "nginx: has no tag. Give one, for example nginx:1.4.2."),
        ("nginx@sha256:abc", "nginx@sha256:abc names a digest. Give a tag instead, for example nginx:1.4.2."),
        ("nginx:1@sha256:abc", "nginx:1@sha256:abc names a digest. Give a tag instead, for example nginx:1.4.2."),
        ("nginx:-1", "-1 in nginx:-1 is not a tag: letters, digits, dots, dashes and underscores only, at most 128."),
        ("a//b:1", "a//b:1 is not an image. Write it as registry/name:tag, for example ghcr.io/acme/web:1.4.2."),
        ("https://ghcr.io/acme/web:1", "https://ghcr.io/acme/web:1 is not an image. Write it as registry/name:tag, for example ghcr.io/acme/web:1.4.2."),
        ("", "The image is empty."),
        ("a b:1", "“a b:1” is not an image: it is empty or holds a space."),
    ],
)
def test_parse_step_image_says_what_is_wrong(text, sentence):
    with pytest.raises(InvalidImage) as error:
        parse_step_image(text)

    assert str(error.value) == sentence


def test_parse_step_image_reads_a_full_reference():
    assert str(parse_step_image(" ghcr.io/acme/web:1.4.2 ")) == "ghcr.io/acme/web:1.4.2"


def test_step_images_the_first_of_the_same_counts():
    images = StepImages([StepImage.parse("nginx:1"), StepImage.parse("docker.io/library/nginx:2")], "")

    assert images.same(ImageReference.parse("nginx")).tag == "1"


@given(st.text())
def test_parse_never_fails_but_with_its_own_error(text):
    reference = parse_cached(text, "docker.io")

    if reference is not None and not text.endswith((":", "@")) and ":@" not in text:
        assert str(reference) == text


def test_step_images_carry_the_paths_that_the_step_names():
    images = step_images(["ghcr.io/acme/web:1.4.2", "nginx:1.27"], "ghcr.io/Acme/web = web.image.tag\n\n docker.io/library/nginx=proxy.tag\n")

    assert [(image.text, image.helm_path) for image in images] == [("ghcr.io/acme/web:1.4.2", "web.image.tag"), ("nginx:1.27", "proxy.tag")]


@pytest.mark.parametrize("line", ["ghcr.io/acme/web", "= a.b", "web =", "web = a b", "web = {{ .Values.tag }}", "web = a..b"])
def test_parse_helm_paths_names_the_line_that_is_none(line):
    with pytest.raises(InvalidImage, match="is no Helm value path"):
        parse_helm_paths(line)
