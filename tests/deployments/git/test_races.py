"""Many workers on one branch: every edit lands, none is lost, none twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.git import PushRaceLost
from simulator.forge import make_repository

WORKERS = 8


def add_line(number):
    def edit(reader):
        return {"list.txt": reader.read_file("list.txt") + f"{number}\n".encode()}

    return edit


@pytest.fixture
def shared(repository):
    return repository.commit({"list.txt": "0\n"}, message="List")


@pytest.mark.parametrize("is_one_machine", [True, False], ids=["one machine", "a machine each"])
def test_every_workers_edit_lands(make_mirror, repository, shared, commit, is_one_machine):
    def work(number):
        return commit(make_mirror("mirrors" if is_one_machine else f"machine-{number}"), add_line(number), base=shared, trailer=f"d-{number}", tries=40)

    with ThreadPoolExecutor(WORKERS) as pool:
        pushed = list(pool.map(work, range(1, WORKERS + 1)))

    assert sorted(repository.read("list.txt").split()) == sorted(str(number).encode() for number in range(WORKERS + 1))
    assert len(repository.log()) == WORKERS + 2
    assert len({one.sha for one in pushed}) == WORKERS
    assert all(one.is_new for one in pushed)


def test_a_lost_race_plans_again_at_the_new_head(mirror, repository, shared, commit):
    seen = []

    def edit(reader):
        if not seen:
            repository.commit({"list.txt": "0\nsomebody\n"}, message="Faster")
        seen.append(reader.sha)
        return add_line("ours")(reader)

    mirror.fetch("main")
    pushed = commit(mirror, edit, base=shared)

    assert repository.read("list.txt") == b"0\nsomebody\nours\n"
    assert seen == [shared, pushed.base_sha]
    assert pushed.retries == 1
    assert repository.log()[:3] == ["Deploy shop 1.1", "Faster", "List"]


def test_a_race_that_somebody_else_won_with_the_same_edit_makes_no_commit(mirror, repository, shared, commit):
    def edit(reader):
        if repository.head() == shared:
            repository.commit({"list.txt": "1\n"}, message="The same")
        return {"list.txt": b"1\n"}

    pushed = commit(mirror, edit, base=shared)

    assert (pushed.sha, pushed.is_new) == (repository.head(), False)
    assert repository.log()[0] == "The same"


def test_a_race_that_is_lost_every_time_ends(mirror, repository, shared, commit):
    def edit(reader):
        repository.commit({"other.txt": f"{reader.sha}\n"}, message="Faster again")
        return add_line("ours")(reader)

    with pytest.raises(PushRaceLost, match="moved at each of 3 tries"):
        commit(mirror, edit, base=shared, tries=3)

    assert repository.read("list.txt") == b"0\n"


def test_many_first_uses_of_one_mirror_make_one_clone(make_mirror, repository, tmp_path):
    with ThreadPoolExecutor(WORKERS) as pool:
        heads = list(pool.map(lambda _: make_mirror("fresh").fetch("main"), range(WORKERS)))

    assert set(heads) == {repository.head()}
    assert [path.suffix for path in (tmp_path / "fresh").iterdir() if path.is_dir() and path.name != ".home"] == [".git"]


def test_branches_of_one_repository_do_not_wait_for_each_other(make_mirror, repository, commit):
    bases = {name: repository.commit({"x": name}, branch=name) for name in ("a", "b")}

    def outer(reader):
        inner = commit(make_mirror(), lambda _: {"x": b"inner"}, base=bases["b"], branch="b", trailer="inner")
        return {"x": inner.sha.encode()}

    pushed = commit(make_mirror(), outer, base=bases["a"], branch="a", trailer="outer")

    assert repository.read("x", "a") == repository.head("b").encode()
    assert repository.head("a") == pushed.sha


def test_two_repositories_have_two_mirrors(make_mirror, repository, tmp_path):
    other = make_repository(tmp_path / "host" / "other" / "shop.git", {"x": "other"})

    assert make_mirror().fetch("main") == repository.head()
    assert make_mirror(path="other/shop.git").fetch("main") == other.head()
