"""Section 12: the filters."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from deployments.templating import render
from deployments.templating.filters import NAMES
from tests.deployments.templating.language import check, of, table

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
VALUES = of(
    {
        "A": "abc",
        "Mixed": "Straße Ünïcode",
        "Pad": "  x \n",
        "E": "",
        "Lines": "a\r\nb\n\nc\n",
        "Esc": "&<>\"'/\\\t\r\nü😀=: ",
        "Uri": "a b/%?ü&=",
        "Url": "https://user:pw@host:8443/a/b%20c?q=1#f",
        "Plain": "https://octopus.com",
        "Ver": "1.2.3.4-my-branch.1.2+b10",
        "Num": "1234.5",
        "Neg": "-1234.565",
        "Int": "255",
        "Date": "2030-01-31T14:05:06.1234567+02:00",
        "Day": "2030/01/31",
        "Stamp": "2030-01-31T10:20:30Z",
        "B64": "w7w=",
        "D": "5",
        "Name": "ada-lovelace",
        "Md": "# Title\n\n_yeah!_ [a](http://x.y)\n\n- x\n- y",
    }
)


def bad(expression):
    return "#{" + expression + "}", "#{" + expression + "}", ("#{" + expression + "}",)


@table(
    ("12 left to right", "#{A | ToUpper | Append d | ToLower}", "abcd"),
    ("12 names ignore case", "#{A | tOuPPER}", "ABC"),
    ("12 unknown filter", *bad("A | Nope")),
    ("12 null flows on", "#{A | Nope | Append x}", "x"),
    ("12 null stays null", *bad("A | Nope | ToUpper")),
    ("12 missing input", *bad("Gone | ToUpper")),
    ("12 an option's missing tokens", "#{A | Append #{Gone}}", "abc#{Gone}", ("#{Gone}",)),
    ("12 ToUpper", "#{Mixed | ToUpper}", "STRAßE ÜNÏCODE"),
    ("12 ToUpper", *bad('A | ToUpper "x"')),
    ("12 ToLower", "#{Mixed | ToLower}", "straße ünïcode"),
    ("12 Trim", "[#{Pad | Trim}][#{Pad | Trim START}][#{Pad | Trim end}]", "[x][x \n][  x]"),
    ("12 Trim", *bad('A | Trim "both"')),
    ("12 Truncate", '#{A | Truncate 2} #{A | Truncate 3} #{A | Truncate 1 ""} #{A | Truncate 0 "!" x}', "ab... abc a !"),
    ("12 Truncate", *bad('A | Truncate "-1"')),
    ("12 Truncate", *bad("A | Truncate")),
    ("12 Substring", "#{A | Substring 2}#{A | Substring 1 1}#{A | Substring 3 1}#{A | Substring 1 99}#{A | Substring 99}", "abbbcabc"),
    ("12 Substring", *bad('A | Substring "4" "1"')),
    ("12 Substring", *bad('A | Substring "1.5"')),
    ("12 Substring", *bad("A | Substring")),
    ("12 Replace", '#{A | Replace b}#{A | Replace "[ab]" x}#{A | Replace B x}', "acxxcabc"),
    ("12 Replace", r'#{Name | Replace "(\w+)-(\w+)" "$2/${1}\1$$"}', r"lovelace/ada\1$"),
    ("12 Replace", r'#{Name | Replace "(?<first>\w+)-" "${first}<$0><$&>$9"}', "ada<ada-><ada->$9lovelace"),
    ("12 Replace", r'#{Name | Replace "(?<n>ada)-(l)" "$1$2"}', "ladaovelace"),
    ("12 Replace", r'#{Name | Replace "(?i)LOVE" "" z}', "ada-lace"),
    ("12 Replace", *bad("A | Replace")),
    ("12 Match", '#{A | Match b}#{A | Match "^b"}#{E | Match "^$"}', "truefalsetrue"),
    ("12 Match", *bad('A | Match "a" "b"')),
    ("12 StartsWith", '#{A | StartsWith a}#{A | StartsWith A}#{A | StartsWith ""}', "truefalsetrue"),
    ("12 EndsWith", "#{A | EndsWith bc}#{A | EndsWith b}", "truefalse"),
    ("12 Contains", '#{A | Contains b}#{A | Contains B}#{A | Contains ""}', "truefalsetrue"),
    ("12 Contains", *bad("A | Contains")),
    ("12 Append", "#{A | Append d e}#{Gone | Append x}#{ | Append y}", "abcdexy"),
    ("12 Append", *bad("A | Append")),
    ("12 Prepend", "#{A | Prepend d e}#{Gone | Prepend x}", "deabcx"),
    ("12 Prepend", *bad("A | Prepend")),
    ("12 ToBase64", "#{A | ToBase64}#{A | ToBase64 UTF8}#{A | ToBase64 unicode}", "YWJjYWJjYQBiAGMA"),
    ("12 ToBase64", *bad('A | ToBase64 "latin1"')),
    ("12 FromBase64", "#{B64 | FromBase64}#{A | ToBase64 unicode | FromBase64 unicode}", "üabc"),
    ("12 Md5", "#{A | Md5}", "900150983cd24fb0d6963f7d28e17f72"),
    ("12 Sha1", "#{A | Sha1}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("12 Sha256", "#{A | Sha256 4} #{A | Sha256 2 utf8} #{A | Sha256 utf-8 2}", "ba7816bf ba78 ba78"),
    ("12 Sha256", "#{A | ToBase64 | Sha256 base64 4} #{A | Sha1 99}", "ba7816bf a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("12 Sha256", *bad('A | Sha256 "0"')),
    ("12 Sha256", *bad('A | Sha256 "1" "2"')),
    ("12 Sha256", *bad('A | Sha256 "utf8" "unicode"')),
    ("12 Sha256", *bad('A | Sha256 "1" "utf8" "x"')),
    ("12 Sha256", *bad('Mixed | Sha256 "base64"')),
    ("12 Sha384", "#{A | Sha384 3}", "cb0075"),
    ("12 Sha512", "#{A | Sha512 unicode 3}#{A | Sha512 3}", "add8b8ddaf35"),
    ("12 HtmlEscape", "#{Esc | HtmlEscape}", "&amp;&lt;&gt;&quot;&apos;&#x2F;\\\t\r\nü😀=: "),
    ("12 XmlEscape", "#{Esc | XmlEscape}", "&amp;&lt;&gt;&quot;&apos;/\\\t\r\nü😀=: "),
    ("12 JsonEscape", "#{Esc | JsonEscape}", "&<>\\\"'/\\\\\\t\\r\\nü😀=: "),
    ("12 YamlSingleQuoteEscape", "#{Lines | YamlSingleQuoteEscape}", "a\r\n\r\nb\n\n\nc\n\n"),
    ("12 YamlSingleQuoteEscape", "#{Esc | YamlSingleQuoteEscape}", "&<>\"''/\\\t\r\n\r\nü😀=: "),
    ("12 YamlDoubleQuoteEscape", "#{Esc | YamlDoubleQuoteEscape}", "&<>\\\"'/\\\\\\t\\r\\n\\u00fc\\ud83d\\ude00=: "),
    ("12 PropertiesKeyEscape", "#{Esc | PropertiesKeyEscape}", "&<>\"'/\\\\\\t\\r\\nü\\ud83d\\ude00\\=\\:\\ "),
    (
        "12 PropertiesValueEscape",
        '#{Esc | PropertiesValueEscape}#{Esc | Prepend " " | PropertiesValueEscape | Substring 3}',
        "&<>\"'/\\\\\\t\\r\\nü\\ud83d\\ude00=: \\ &",
    ),
    ("12 UriEscape", "#{Uri | UriEscape}", "a%20b/%25?%C3%BC&="),
    ("12 UriDataEscape", "#{Uri | UriDataEscape}", "a%20b%2F%25%3F%C3%BC%26%3D"),
    ("12 Markdown", "#{Md | Markdown}", '<h1>Title</h1>\n<p><em>yeah!</em> <a href="http://x.y">a</a></p>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n'),
    (
        "12 MarkdownToHtml",
        '#{A | Append " **b** ~~c~~ ~d~ ^e^ http://f.g" | MarkdownToHtml}',
        '<p>abc <strong>b</strong> <del>c</del> <sub>d</sub> <sup>e</sup> <a href="http://f.g">http://f.g</a></p>\n',
    ),
    ("12 MarkdownToHtml", *bad('A | MarkdownToHtml "x"')),
    ("12 NowDate", "#{ | NowDate} #{|NowDate yyyy}", "2030-01-02T03:04:05.6789010 2030"),
    ("12 NowDate", *bad("A | NowDate")),
    ("12 NowDateUtc", '#{ | NowDateUtc} #{ | NowDateUtc "HH:mm"}', "2030-01-02T03:04:05.6789010Z 03:04"),
    ("12 NowDateUtc", *bad(' | NowDateUtc "a" "b"')),
)
def test_filters(template, text, expressions):
    check(render(template, VALUES, now=NOW), text, expressions)


@table(
    ("12.1 Indent", "#{Lines | Indent}", "    a\r\n    b\n    \n    c\n    "),
    ("12.1 Indent", "#{Lines | Indent 2}", "  a\r\n  b\n  \n  c\n  "),
    ("12.1 Indent the rest", "    #{Lines | Indent /4}", "    a\r\n    b\n    \n    c\n    "),
    ("12.1 Indent both", "#{Lines | Indent 1/2}", " a\r\n  b\n  \n  c\n  "),
    ("12.1 Indent with texts", '#{Lines | Indent "> "}#{A | Indent 256}#{A | Indent x y}', "> a\r\n> b\n> \n> c\n> 256abcxabc"),
    ("12.1 Indent of nothing", "[#{E | Indent}]", "[]"),
    ("12.1 Indent of null", *bad("Gone | Indent")),
    ("12.1 Indent with three options", *bad('A | Indent "1" "2" "3"')),
    ("12.2 UriPart of paths", "#{Url | UriPart AbsolutePath} #{Url | UriPart Path} #{Url | UriPart pathandquery}", "/a/b%20c /a/b c /a/b%20c?q=1"),
    (
        "12.2 UriPart of the whole",
        "#{Url | UriPart AbsoluteUri} #{Plain | UriPart AbsoluteUri}",
        "https://user:pw@host:8443/a/b%20c?q=1#f https://octopus.com/",
    ),
    (
        "12.2 UriPart of hosts",
        "#{Url | UriPart Authority} #{Plain | UriPart Authority} #{Url | UriPart Host} #{Url | UriPart DnsSafeHost}",
        "host:8443 octopus.com host host",
    ),
    ("12.2 UriPart of hosts", "#{Url | UriPart HostAndPort} #{Plain | UriPart HostAndPort} #{Plain | UriPart Port}", "host:8443 octopus.com:443 443"),
    (
        "12.2 UriPart of kinds",
        "#{Url | UriPart HostNameType} #{Url | UriPart IsAbsoluteUri} #{Url | UriPart IsDefaultPort} #{Url|UriPart IsFile}",
        "Dns true false false",
    ),
    ("12.2 UriPart of kinds", "#{Url | UriPart IsLoopback} #{Url | UriPart IsUnc} #{A | UriPart IsAbsoluteUri}", "false false false"),
    ("12.2 UriPart of the rest", "#{Url | UriPart Query} #{Url | UriPart Fragment} #{Url | UriPart Scheme} #{Url | UriPart UserInfo}", "?q=1 #f https user:pw"),
    ("12.2 UriPart of the server", "#{Url | UriPart SchemeAndServer} #{Plain | UriPart SchemeAndServer}", "https://host:8443 https://octopus.com"),
    ("12.2 UriPart of an address", '#{ | Append "http://[::1]:80/x" | UriPart Host} #{ | Append "http://[::1]:80/x" | UriPart HostNameType}', "[::1] IPv6"),
    ("12.2 UriPart of an address", '#{ | Append "ftp://10.0.0.1" | UriPart HostNameType} #{ | Append "http://127.0.0.1" | UriPart IsLoopback}', "IPv4 true"),
    ("12.2 UriPart of a file", '#{ | Append "file:///a/b" | UriPart HostNameType} #{ | Append "file://srv/b" | UriPart IsUnc}', "Basic true"),
    ("12.2 UriPart of an empty path", "#{Plain | UriPart AbsolutePath}", "/"),
    ("12.2 UriPart without a part", "#{Url | UriPart}", "[UriPart error: no argument given]"),
    ("12.2 UriPart unknown", "#{Url | UriPart Colour}", "[UriPart Colour error: argument 'Colour' not supported]"),
    ("12.2 UriPart of a relative one", "#{A | UriPart Host}", "[UriPart Host error: the URI is relative]"),
    ("12.2 UriPart of no URI", '#{ | Append "http://[" | UriPart Host}', "http://["),
    ("12.3 Format a number", "#{Num | Format N2} #{Num | Format F0} #{Num | Format C} #{Neg | Format C2}", "1,234.50 1235 $1,234.50 -$1,234.57"),
    ("12.3 Format a number", "#{Num | Format P1} #{Num | Format E3} #{Num | Format G3} #{Num | Format G}", "123,450.0% 1.235E+003 1.23E+03 1234.5"),
    ("12.3 Format an integer", "#{Int | Format Int D5} #{Int | Format Int X} #{Int | Format int32 x4}", "00255 FF 00ff"),
    ("12.3 Format custom", '#{Num | Format \\"#,##0.00\\"} #{Num | Format \\"0000000.#\\"} #{Num | Format "0,.0"}', "1,234.50 0001234.5 1.2"),
    ("12.3 Format custom", '#{D | Format "00.0%"} #{D | Format "\'n:\' 0"} #{Neg | Format "0.0;(0.00);zero"}', "500.0% n: 5 (1234.57)"),
    ("12.3 Format custom", '#{E | Append 0 | Format "0;-0;zero"} #{D | Format Double "0.000"}', "zero 5.000"),
    ("12.3 Format custom", '#{ | Append "0.004" | Format "0.00;-0.00;none"} #{ | Append "1234567890" | Format \\"(###) ###-####\\"}', "none (123) 456-7890"),
    ("12.3 Format a date", '#{Date | Format "yyyy-MM-dd HH:mm:ss.fff zzz"}', "2030-01-31 14:05:06.123 +02:00"),
    ("12.3 Format a date", '#{Date | Format "ddd dddd d MMM MMMM yy h tt %t K"}', "Thu Thursday 31 Jan January 30 2 PM P +02:00"),
    ("12.3 Format a date", "#{Day | Format DateTime yyy} #{Day | Format \"'y'\\y\"} #{Stamp | Format date s}", "2030 yy 2030-01-31T10:20:30"),
    (
        "12.3 Format standard dates",
        "#{Date | Format O} #{Date | Format u} #{Date | Format DateTimeOffset R}",
        "2030-01-31T14:05:06.1234567+02:00 2030-01-31 12:05:06Z Thu, 31 Jan 2030 12:05:06 GMT",
    ),
    ("12.3 Format standard dates", "#{Day | Format d} #{Day | Format D} #{Date | Format Date s}", "1/31/2030 Thursday, January 31, 2030 2030-01-31T12:05:06"),
    ("12.3 Format fractions", '#{Date | Format "ss.FFFFFFF fffffff"}#{Stamp | Format "ss.FFF"}', "06.1234567 123456730"),
    (
        "12.3 Format beyond all digits",
        '#{ | Append "1e999" | Format Double N99}',
        '#{ | Append "1e999" | Format "Double" "N99"}',
        ('#{ | Append "1e999" | Format "Double" "N99"}',),
    ),
    ("12.3 Format neither", *bad('A | Format "N2"')),
    ("12.3 Format as what it is not", *bad('A | Format "Int" "D"')),
    ("12.3 Format as an unknown type", *bad('Int | Format "Guid" "D"')),
    ("12.3 Format not for the type", *bad('Int | Format "D5"')),
    ("12.3 Format without options", *bad("Num | Format")),
    (
        "12.4 AddHours",
        '#{Stamp | AddHours 1} #{Date | AddHours "-1.5"} #{Day | AddHours 25}',
        "2030-01-31T11:20:30.0000000Z 2030-01-31T12:35:06.1234567+02:00 2030-02-01T01:00:00.0000000",
    ),
    ("12.4 AddDays", '#{Stamp | AddDays "+1.5"} #{ | NowDateUtc | AddDays 1}', "2030-02-01T22:20:30.0000000Z 2030-01-03T03:04:05.6789010Z"),
    ("12.4 AddDays of no date", *bad('A | AddDays "1"')),
    ("12.4 AddDays of no number", *bad('Day | AddDays "x"')),
    ("12.4 AddDays out of range", *bad('Day | AddDays "99999999"')),
    ("12.5 version numbers", "#{Ver | VersionMajor} #{Ver | VersionMinor} #{Ver | VersionPatch} #{Ver | VersionRevision x}", "1 2 3 4"),
    (
        "12.5 version's pre-release",
        "#{Ver | VersionPreRelease} #{Ver | VersionPreReleasePrefix} #{Ver | VersionPreReleaseCounter}",
        "my-branch.1.2 my branch.1.2",
    ),
    ("12.5 version's metadata", "#{Ver | VersionMetadata}", "b10"),
    ("12.5 version without numbers", "#{ | Append latest | VersionMajor} #{ | Append latest | VersionPreRelease}", "0 latest"),
    ("12.5 version with a word", '#{ | Append "v19.0.0.Final" | VersionRevision} #{ | Append "19.0.0.Final" | VersionPreRelease}', "0 Final"),
    ("12.5 version with blanks", '#{ | Append " V1 . 2 " | VersionMinor}', "2"),
)
def test_filters_with_rules_of_their_own(template, text, expressions):
    check(render(template, VALUES, now=NOW), text, expressions)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        pytest.param('#{A | Replace "("}', "not valid", id="12 Replace raises | ("),
        pytest.param('#{A | Match "[z-a]"}', "not valid", id="12 Match raises | [z-a]"),
        pytest.param("#{Mixed | FromBase64}", "not valid Base64", id="12 FromBase64 raises | Mixed"),
        pytest.param("#{E | VersionMajor}", "not a version", id="12.5 version raises | empty"),
        pytest.param('#{ | Append "1.2 3 4" | VersionMajor}', "not a version", id="12.5 version raises | 1.2 3 4"),
        pytest.param('#{ | Append "99999999999" | VersionMajor}', "not a version", id="12.5 version raises | too large"),
    ],
)
def test_a_filter_that_fails_is_a_hard_error(template, words):
    rendered = render("\n " + template, VALUES)

    assert rendered.text == "\n " + template
    [error] = rendered.errors
    assert words in error.sentence
    assert (error.line, error.column) == (2, 2)


@pytest.mark.parametrize("text", ["2030-01-31", "2030/01/31 00:00", "01/31/2030", "2030-01-31T00:00:00.000", " 2030-01-31 00:00:00Z "])
def test_dates_that_are_read(text):
    assert render("#{X | Format Date yyyyMMddHHmmss}", of({"X": text})).text == "20300131000000"


def test_now_is_told_in_utc_and_only_if_it_is_known():
    there = NOW.astimezone(timezone(timedelta(hours=5)))

    assert render("#{ | NowDate HH}", VALUES, now=there).text == "03"
    assert "not known" in render("#{ | NowDate}", VALUES).errors[0].sentence


def test_every_filter_has_a_case():
    marks = [mark for test in (test_filters, test_filters_with_rules_of_their_own) for mark in test.pytestmark]
    tried = {name.lower() for mark in marks for param in mark.args[1] for name in re.findall(r"\|\s*(\w+)", param.values[0])}

    assert {name.lower() for name in NAMES} - tried == {"null"}  # section 13
