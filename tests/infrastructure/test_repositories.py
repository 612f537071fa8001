import pytest

from infrastructure.repositories import BadRepositoryUrl, check_pattern, choose, matches, parse_url, repository_key


@pytest.mark.parametrize(
    ("text", "address", "key"),
    [
        ("https://git.example.com/acme/shop.git", "https://git.example.com/acme/shop.git", "https://git.example.com/acme/shop"),
        ("https://bot:s3cret@Git.Example.com:443/acme/shop/", "https://git.example.com/acme/shop", "https://git.example.com/acme/shop"),
        ("http://git.example.com:80/acme/shop?x=1#y", "http://git.example.com/acme/shop", "http://git.example.com/acme/shop"),
        ("https://git.example.com:8443/acme/a%20b", "https://git.example.com:8443/acme/a%20b", "https://git.example.com:8443/acme/a%20b"),
        ("https://[::1]:8080/shop", "https://[::1]:8080/shop", "https://[::1]:8080/shop"),
        ("ssh://git@git.example.com:22/acme/shop.git", "ssh://git.example.com/acme/shop.git", "ssh://git.example.com/acme/shop"),
        ("git@git.example.com:acme/shop.git", "ssh://git.example.com/acme/shop.git", "ssh://git.example.com/acme/shop"),
        ("file:///srv/git/shop.git", "file:///srv/git/shop.git", "file:///srv/git/shop.git"),
    ],
)
def test_parse_url_drops_what_does_not_count(text, address, key):
    parsed = parse_url(text)

    assert (parsed.address, parsed.key) == (address, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop",
        "/srv/git/shop",
        "https:///acme/shop",
        "https://git.example.com/acme/../other",
        "https://git.example.com/acme/%2e%2e/other",
        "https://git.example.com/acme/./shop",
        "https://git.example.com\\acme",
        "https://git.example.com/acme%5cshop",
        "https://git.example.com/acme%2fshop",
        "https://git.example.com/ac me",
        "https://git.example.com/acme\nshop",
        "https://git.example.com:port/acme",
        "https://-oProxyCommand=x/acme",
        "https://127%2e0%2e0%2e1/acme",
    ],
)
def test_parse_url_refuses(text):
    with pytest.raises(BadRepositoryUrl):
        parse_url(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://bot:s3cret@git.example.com/acme/../other?token=s3cret",
        "https://bot:x@s3cret@git.example.com/acme/../other",
        "https://bot:s3cret#s3cret@git.example.com/acme",
        "https://bot:s3 cret@git.example.com/acme",
    ],
)
def test_parse_url_keeps_the_password_out_of_its_sentence(url):
    with pytest.raises(BadRepositoryUrl) as refused:
        parse_url(url)

    assert "s3" not in str(refused.value)


def test_repository_key_is_one_for_all_ways_to_write_a_repository():
    ways = ["https://git.example.com/acme/shop", "https://x@GIT.example.com:443/acme/shop.git/", "git@git.example.com:acme/shop.git"]

    assert {repository_key(way) for way in ways} == {"https://git.example.com/acme/shop"}
    assert repository_key("ssh://git@git.example.com:22/acme/shop.git") == "https://git.example.com/acme/shop"
    assert repository_key("ssh://git@git.example.com:2222/acme/shop.git") == "ssh://git.example.com:2222/acme/shop"
    assert repository_key("no url") == "no url"


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("https://git.example.com/platform/*", "https://git.example.com/platform/shop.git", True),
        ("https://git.example.com/platform/*", "https://git.example.com/platform/deep/er/shop", True),
        ("https://git.example.com/Platform/*", "https://GIT.example.com/platform/Shop/", True),
        ("https://git.example.com/platform/*.git", "https://git.example.com/platform/shop", True),
        ("https://git.example.com/platform/shop", "https://bot:x@git.example.com:443/platform/shop.git", True),
        ("https://git.example.com/*/shop", "https://git.example.com/a/b/shop", True),
        ("https://git.example.com/platform/shop", "https://git.example.com/platform/shop2", False),
        ("https://git.example.com/platform/*", "https://git.example.com/platform-two/shop", False),
        ("https://git.example.com/*", "https://git.example.com.evil.example/platform/shop", False),
        ("https://git.example.com/*", "https://evil.example/git.example.com/shop", False),
        ("https://git.example.com/*", "http://git.example.com/shop", False),
        ("https://git.example.com/*", "https://git.example.com:8443/shop", False),
        ("https://git.example.com:8443/*", "https://git.example.com:8443/shop", True),
        ("https://git.example.com/platform/*", "https://git.example.com/platform/../secret/shop", False),
        ("https://git.example.com/platform/*", "https://git.example.com/platform/%2e%2e/secret/shop", False),
        ("https://git.example.com/platform/*", "https://git.example.com\\@evil.example/platform/shop", False),
        ("https://*.example.com/platform/*", "https://git.example.com/platform/shop", False),
        ("https://git.example.com*", "https://git.example.com/platform/shop", False),
        ("https://git.example.com/platform/*", "git@git.example.com:platform/shop.git", True),
        ("git@git.example.com:platform/*", "git@git.example.com:platform/shop.git", True),
        ("https://git.example.com/a.b/*", "https://git.example.com/aXb/shop", False),
    ],
)
def test_matches_follows_the_allow_list_rule(pattern, url, expected):
    assert matches(pattern, url) is expected


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("ssh://git@git.example.com/platform/*", "ssh://deploy@GIT.example.com:22/platform/shop.git", True),
        ("ssh://git.example.com/platform/*", "git@git.example.com:platform/shop.git", True),
        ("git@git.example.com:platform/*", "ssh://git.example.com/platform/shop", True),
        ("ssh://git.example.com:2222/platform/*", "ssh://git@git.example.com:2222/platform/shop", True),
        ("ssh://git.example.com/platform/*", "ssh://git@git.example.com:2222/platform/shop", False),
        ("ssh://git.example.com/platform/*", "https://git.example.com/platform/shop", False),
        ("https://git.example.com/platform/*", "https://git.example.com/platform/shop", False),
        ("https://git.example.com/platform/*", "git@git.example.com:platform/shop", False),
    ],
)
def test_matches_of_an_ssh_key_count_ssh_alone(pattern, url, expected):
    assert matches(pattern, url, over_ssh=True) is expected


def test_a_password_is_no_way_into_ssh():
    assert not matches("ssh://git.example.com/*", "ssh://git.example.com/shop")


@pytest.mark.parametrize(
    ("text", "user", "ssh_address"),
    [
        ("git@git.example.com:acme/shop.git", "git", "git.example.com:acme/shop.git"),
        ("git.example.com:acme/shop", "", "git.example.com:acme/shop"),
        ("git@git.example.com:/srv/shop.git", "git", "ssh://git.example.com/srv/shop.git"),
        ("ssh://deploy:s3cret@git.example.com:2222/~/shop", "deploy", "ssh://git.example.com:2222/~/shop"),
        ("https://bot@git.example.com/shop", "", "https://git.example.com/shop"),
    ],
)
def test_parse_url_keeps_what_ssh_needs(text, user, ssh_address):
    parsed = parse_url(text)

    assert (parsed.user, parsed.ssh_address) == (user, ssh_address)
    assert "s3cret" not in repr(parsed)


@pytest.mark.parametrize(("pattern", "word"), [("https://*.example.com/x", "host"), ("https://git.example.com", "/*"), ("platform/*", "https://")])
def test_check_pattern_says_what_to_write(pattern, word):
    with pytest.raises(BadRepositoryUrl, match=word.replace("*", r"\*")):
        check_pattern(pattern)


def test_choose_takes_the_most_specific_pattern_then_the_first():
    candidates = [
        ("wide", ["https://git.example.com/*", "nonsense"]),
        ("narrow", ["https://git.example.com/platform/*"]),
        ("same", ["https://git.example.com/platform/*"]),
    ]

    assert choose("https://git.example.com/platform/shop", candidates) == "narrow"
    assert choose("https://git.example.com/other/shop", candidates) == "wide"
    assert choose("https://elsewhere.example/shop", candidates) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "https://bot:s3cret@git.example.com/acme/*",
        "https://s3cret@git.example.com/acme/*",
        "https://bot:s3cret@*/acme",
        "ssh://git:s3cret@git.example.com/acme/*",
    ],
)
def test_an_allow_list_holds_no_password(pattern):
    with pytest.raises(BadRepositoryUrl) as refused:
        check_pattern(pattern)

    assert "s3cret" not in str(refused.value)
    assert not matches(pattern, "https://git.example.com/acme/shop")
