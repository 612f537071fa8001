"""Generated files for hypothesis: texts in parts, each part knowing how it reads before and after the update, and after an unrelated edit."""

from dataclasses import dataclass

from hypothesis import strategies as st

OLD, NEW = "1.4.1", "1.10"
IMAGE = "ghcr.io/acme/web"


@dataclass(frozen=True)
class Part:
    old: str
    new: str
    other: str = ""  # what somebody may write here instead without touching our change


def fixed(text):
    return Part(text, text)


@dataclass(frozen=True)
class Shape:
    """`places` is the number of scalars that change."""

    parts: tuple[Part, ...]
    newline: str
    bom: str
    final: bool
    places: int

    def _finish(self, text):
        text = text if self.final else text.rstrip("\n")
        return self.bom + text.replace("\n", self.newline)

    @property
    def old(self):
        return self._finish("".join(part.old for part in self.parts))

    @property
    def new(self):
        return self._finish("".join(part.new for part in self.parts))

    def with_unrelated_edit(self, number):
        """The updated text with one of the parts that are not ours written otherwise."""
        loose = [part for part in self.parts if part.other]
        chosen = loose[number % len(loose)]
        return self._finish("".join(part.other if part is chosen else part.new for part in self.parts))


def value(style, old, new, indent):
    """A scalar in a style, as a part: what follows the colon, to the end of the line."""
    pad = "\n" + " " * (indent + 2)
    forms = {
        "plain": " {}",
        "single": " '{}'",
        "double": ' "{}"',
        "next line": pad + "{}",
        "next line quoted": pad + "'{}'",
        "folded": " >-" + pad + "{}",
        "literal": " |-" + pad + "{}",
        "tagged": " !!str {}",
        "anchored": f" &anchor{abs(hash((old, indent))) % 97} {{}}",
        "tab": "\t{}",
    }
    return Part(forms[style].format(old), forms[style].format(new))


STYLES = ["plain", "single", "double", "next line", "next line quoted", "folded", "literal", "tagged", "tab"]
TAILS = ["", "  ", "\t", f" # {IMAGE}:{OLD}", "   # 🦊 image: nginx"]


@st.composite
def container(draw, indent, number):
    """A container in block or flow style, ours or another's; and whether it is ours."""
    is_ours = draw(st.booleans())
    tag = draw(st.sampled_from([f":{OLD}", "", ":latest"]))
    old = f"{IMAGE}{tag}" if is_ours else draw(st.sampled_from(["envoy:1.30", f"{IMAGE}-admin:{OLD}", f"mirror.example/acme/web:{OLD}", f"{IMAGE}@sha256:00"]))
    new = f"{IMAGE}:{NEW}" if is_ours else old
    pad = " " * indent
    if draw(st.booleans()):
        quote = draw(st.sampled_from(["", "'", '"']))
        return [fixed(f"{pad}- {{name: c{number}, image: {quote}"), Part(old, new), fixed(f"{quote}, env: [{{name: I, value: '{IMAGE}:{OLD}'}}]}}\n")], is_ours
    style = draw(st.sampled_from(STYLES))
    tail = "" if style in ("folded", "literal") else draw(st.sampled_from(TAILS))
    before = draw(st.sampled_from([f"# image: {IMAGE}:{OLD}\n", "", "\n"]))
    args = f"\n{pad}  args:\n{pad}  - |\n{pad}    image: {IMAGE}:{OLD}\n{pad}    run\n" if draw(st.booleans()) else "\n"
    return [fixed(f"{before}{pad}- name: c{number}\n{pad}  image:"), value(style, old, new, indent + 2), fixed(tail + args)], is_ours


HEADS = {
    "Deployment": ("apps/v1", "spec:\n  replicas: {}\n  template:\n    spec:\n", 6),
    "Pod": ("v1", "spec:\n  priority: {}\n", 2),
    "CronJob": ("batch/v1", "spec:\n  suspend: {}\n  jobTemplate:\n    spec:\n      template:\n        spec:\n", 10),
}


@st.composite
def workload(draw, number):
    kind = draw(st.sampled_from(sorted(HEADS)))
    api_version, spec, indent = HEADS[kind]
    parts = [fixed(f"apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: w{number}\n")]
    first, second = spec.split("{}")
    parts += [fixed(first), Part("2", "2", "3"), fixed(second)]
    places = 0
    for key in draw(st.sampled_from([("containers",), ("initContainers", "containers")])):
        parts.append(fixed(f"{' ' * indent}{key}:\n"))
        for n in range(draw(st.integers(1, 3))):
            more, is_ours = draw(container(indent, f"{n}-{key}"))
            parts += more
            places += is_ours
    return parts, places


OTHERS = [
    f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  containers: |\n    image: {IMAGE}:{OLD}\n",
    f"{{{{- if .Values.x }}}}\nkind: Pod\ncontainers: [{{image: {IMAGE}:{OLD}}}]\n",
    f"# {IMAGE}:{OLD}\n",
    "kind: Service\n...\n",
]


def shape(parts, places):
    return st.builds(Shape, st.just(tuple(parts)), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]), st.booleans(), st.just(places))


@st.composite
def manifests(draw):
    parts, places = [Part("# note A\n", "# note A\n", "# note B\n")], 0
    for number in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            parts.append(fixed(f"---\n{draw(st.sampled_from(OTHERS))}"))
        parts.append(fixed(draw(st.sampled_from(["---\n", "--- # next\n", "---   \n"]))))
        more, count = draw(workload(number))
        parts += more
        places += count
    return draw(shape(parts, places))


@st.composite
def kustomizations(draw):
    parts, places = [Part("# note A\n", "# note A\n", "# note B\n")], 0
    if draw(st.booleans()):
        parts.append(fixed("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"))
    pad = draw(st.sampled_from(["", "  ", "    "]))
    parts.append(fixed("images:\n"))
    for number in range(draw(st.integers(1, 4))):
        is_ours = draw(st.booleans())
        places += is_ours
        name = IMAGE if is_ours else f"other{number}"
        tag = draw(st.sampled_from([OLD, f"'{OLD}'", f'"{OLD}"', None]))
        quote = tag[0] if tag and tag[0] in "'\"" else '"'
        new = f"{quote}{NEW}{quote}" if is_ours else tag
        tail = draw(st.sampled_from(TAILS))
        if draw(st.booleans()):
            shown = (f", newTag: {tag}" if tag else "", f", newTag: {new}" if new else "")
            parts += [fixed(f"{pad}- {{name: {name}"), Part(*shown), fixed("}\n")]
        elif tag:
            parts += [fixed(f"{pad}- name: {name}{tail}\n{pad}  newTag: "), Part(tag, new), fixed(f"{tail}\n")]
        else:
            parts += [fixed(f"{pad}- name: {name}{tail}"), Part("", f"\n{pad}  newTag: {new}" if new else ""), fixed("\n")]
    if draw(st.booleans()):
        places += 1
        body = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n# {IMAGE}:{OLD}\nspec:\n  containers:\n  - name: a\n    image: "
        before, after = f"- patch: {draw(st.sampled_from(['|', '|-', '|+']))}\n    " + body.replace("\n", "\n    "), f" # {IMAGE}:{OLD}\n"
        parts += [fixed(f"patches:\n{before}"), Part(f"{IMAGE}:{OLD}", f"{IMAGE}:{NEW}"), fixed(after)]
    parts += [fixed("namePrefix: "), Part("a-\n", "a-\n", "b-\n")]
    return draw(shape(parts, places))


@st.composite
def helm_values(draw):
    """Values with image.repository and image.tag, and the tag again elsewhere."""
    parts = [Part("replicas: 2\n", "replicas: 2\n", "replicas: 3\n"), fixed(f"# image.tag: {OLD}\nother:\n  tag: {OLD}\n")]
    if draw(st.booleans()):
        quote = draw(st.sampled_from(["'", '"']))
        tag = Part(f"{quote}{OLD}{quote}", f"{quote}{NEW}{quote}")
        parts += [fixed(f"image: {{repository: {IMAGE}, tag: "), tag, fixed("}\n")]
    else:
        style = draw(st.sampled_from(STYLES))
        is_plain = style in ("plain", "next line", "tagged", "tab")
        tail = "" if style in ("folded", "literal") else draw(st.sampled_from(TAILS))
        tag = value(style, OLD, f'"{NEW}"' if is_plain else NEW, 2)
        parts += [fixed(f"image:\n  repository: {IMAGE} # {OLD}\n  tag:"), tag, fixed(f"{tail}\n  pullPolicy: Always\n")]
    parts.append(fixed(f"more:\n- image: {IMAGE}:{OLD}\n"))
    return draw(shape(parts, 1))
