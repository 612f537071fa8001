"""The filter Markdown, block by block and mark by mark."""

import pytest

from deployments.templating.filters.markdown import render

CASES = {
    "_yeah!_": "<p><em>yeah!</em></p>",
    "  a\n\n\n b  ": "<p>a</p>\n<p>b</p>",
    "# One #\n## Two\n### #\n#no\n####### no": "<h1>One</h1>\n<h2>Two</h2>\n<h3></h3>\n<p>#no\n####### no</p>",
    "One\n===\nTwo\n---": "<h1>One</h1>\n<h2>Two</h2>",
    "---\n***": "<hr />\n<hr />",
    "**b** *i* ***bi*** __b__ a_b_c a*b*c": "<p><strong>b</strong> <em>i</em> <em><strong>bi</strong></em> <strong>b</strong> a_b_c a<em>b</em>c</p>",
    "**a *b* c** *a **b** c*": "<p><strong>a <em>b</em> c</strong> <em>a <strong>b</strong> c</em></p>",
    "*open **open": "<p>*open **open</p>",
    "~~s~~ H~2~O x^2^": "<p><del>s</del> H<sub>2</sub>O x<sup>2</sup></p>",
    "`a <b>` `` ` `` `open": "<p><code>a &lt;b&gt;</code> <code>`</code> `open</p>",
    "\\*no\\* &amp; & < &copy;": "<p>*no* &amp; &amp; &lt; ©</p>",
    "a  \nb\\\nc\nd": "<p>a<br />\nb<br />\nc\nd</p>",
    '[t](http://x.y "T") [u](<a b>) ![i *m*](a.png)': '<p><a href="http://x.y" title="T">t</a> <a href="a%20b">u</a> <img src="a.png" alt="i m" /></p>',
    "[r][Ref] [ref] [none]\n\n[ref]: http://z.q 'T'": '<p><a href="http://z.q" title="T">r</a> <a href="http://z.q" title="T">ref</a> [none]</p>',
    "[a [b](c) d](e)": '<p>[a <a href="c">b</a> d](e)</p>',
    "<http://a.b?c&d> <me@x.org>": '<p><a href="http://a.b?c&amp;d">http://a.b?c&amp;d</a> <a href="mailto:me@x.org">me@x.org</a></p>',
    "see http://a.b/c_(d). www.e.f!": '<p>see <a href="http://a.b/c_(d)">http://a.b/c_(d)</a>. <a href="http://www.e.f">www.e.f</a>!</p>',
    "- a\n- b\n  - c\n\n    d\n- e": "<ul>\n<li>a</li>\n<li>b\n<ul>\n<li>\n<p>c</p>\n<p>d</p>\n</li>\n</ul>\n</li>\n<li>e</li>\n</ul>",
    "1. a\n2. b\n\n3. c": "<ol>\n<li>\n<p>a</p>\n</li>\n<li>\n<p>b</p>\n</li>\n<li>\n<p>c</p>\n</li>\n</ol>",
    "7) a\n* b": '<ol start="7">\n<li>a</li>\n</ol>\n<ul>\n<li>b</li>\n</ul>',
    "> a\nb\n> > c\n\nd": "<blockquote>\n<p>a\nb</p>\n<blockquote>\n<p>c</p>\n</blockquote>\n</blockquote>\n<p>d</p>",
    "```yaml x\na: <b>\n\n- c\n```\nd": '<pre><code class="language-yaml">a: &lt;b&gt;\n\n- c\n</code></pre>\n<p>d</p>',
    "~~~\nopen": "<pre><code>open\n</code></pre>",
    "a\n\n    code\n\n    more\n\nb": "<p>a</p>\n<pre><code>code\n\nmore\n</code></pre>\n<p>b</p>",
    "<div>\n*x*\n</div>\n\n*y* <b>z</b>": "<div>\n*x*\n</div>\n<p><em>y</em> <b>z</b></p>",
    "|a|b|\n|---|:-:|\n|*1*|2\\|3|\n|4|": (
        '<table>\n<thead>\n<tr>\n<th>a</th>\n<th style="text-align: center;">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><em>1</em></td>\n'
        '<td style="text-align: center;">2|3</td>\n</tr>\n<tr>\n<td>4</td>\n<td style="text-align: center;"></td>\n</tr>\n</tbody>\n</table>'
    ),
    "http://a/\ud800": '<p><a href="http://a/?">http://a/\ud800</a></p>',
    "a | b\nno rule": "<p>a | b\nno rule</p>",
    "": "",
}


@pytest.mark.parametrize(("text", "html"), CASES.items())
def test_markdown(text, html):
    assert render(text) == html + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "> " * 3000,
        "- " * 3000,
        "[" * 3000,
        "*a_ " * 3000,
        "**x" * 3000,
        "`" * 3 + "` `` " * 3000,
        "![x](" * 3000,
        "a" + " " * 9000 + "b",
        "|" * 3000 + "\n" + "|-" * 3000,
    ],
)
def test_markdown_of_anything_ends(text):
    assert render(text)
