"""Merges as a host makes them: in the bare repository, without a work tree."""

from pathlib import Path

from simulator.bare import WHO, GitFailed, git

METHODS = ("merge", "squash", "rebase", "rebase-merge", "fast-forward")


class CannotMerge(Exception):
    """The branches conflict, or cannot be fast-forwarded. The message says which."""


def resolve(repository: Path, name: str) -> str | None:
    """The commit of a branch, or of anything that git can name; None when it is not there."""
    for candidate in (f"refs/heads/{name}", name):
        found = _quietly("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}", cwd=repository)
        if found:
            return found
    return None


def ahead(repository: Path, base: str, head: str) -> list[str]:
    """The commits that `head` has and `base` has not, newest first."""
    return git("rev-list", f"{base}..{head}", cwd=repository).splitlines()


def conflicts(repository: Path, base: str, head: str) -> bool:
    """Whether merging would end in a conflict."""
    try:
        _merged_tree(repository, base, head)
    except CannotMerge:
        return True
    return False


def merge(repository: Path, *, branch: str, head: str, method: str, message: str) -> str:
    """Merge the commit `head` into a branch; returns the branch's new commit.

    Raises CannotMerge.
    """
    base = resolve(repository, branch)
    if base is None:
        raise CannotMerge(f"There is no branch {branch}.")
    match method:
        case "merge":
            tip = _commit(repository, _merged_tree(repository, base, head), [base, head], message)
        case "squash":
            tip = _commit(repository, _merged_tree(repository, base, head), [base], message)
        case "rebase":
            tip = _rebased(repository, base, head)
        case "rebase-merge":
            rebased = _rebased(repository, base, head)
            tip = _commit(repository, f"{rebased}^{{tree}}", [base, rebased], message)
        case "fast-forward":
            if not _is_ancestor(repository, base, head):
                raise CannotMerge("The branch cannot be fast-forwarded.")
            tip = head
        case _:
            raise CannotMerge(f"There is no way to merge called {method}.")
    git("update-ref", f"refs/heads/{branch}", tip, base, cwd=repository)
    return tip


def test_merge(repository: Path, base: str, head: str) -> str | None:
    """The commit that hosts show for an open pull request: a merge nobody made. None on a conflict."""
    try:
        return _commit(repository, _merged_tree(repository, base, head), [base, head], "Test merge")
    except CannotMerge:
        return None


def difference(repository: Path, base: str, head: str) -> str:
    """`git diff --stat` of what a pull request changes."""
    return git("diff", "--stat=100", f"{base}...{head}", cwd=repository)


def _merged_tree(repository: Path, base: str, head: str) -> str:
    try:
        return git("merge-tree", "--write-tree", base, head, cwd=repository).splitlines()[0]
    except GitFailed as error:
        raise CannotMerge("The branches conflict.") from error


def _commit(repository: Path, tree: str, parents: list[str], message: str, env: dict[str, str] | None = None) -> str:
    named = git("rev-parse", tree, cwd=repository)
    flags = [flag for parent in parents for flag in ("-p", parent)]
    return git("commit-tree", named, *flags, cwd=repository, feed=message.encode(), env=env)


def _rebased(repository: Path, base: str, head: str) -> str:
    """The commits of `head` on top of `base`, one by one; `head` itself when nothing moved."""
    if _is_ancestor(repository, base, head):
        return head
    tip = base
    for commit in reversed(git("rev-list", "--no-merges", f"{base}..{head}", cwd=repository).splitlines()):
        as_sibling = _commit(repository, f"{tip}^{{tree}}", [f"{commit}^"], "The files so far, as if they grew from the commit's parent")
        tree = _merged_tree(repository, as_sibling, commit)
        name, mail, when = git("log", "-1", "--format=%an%n%ae%n%aI", commit, cwd=repository).splitlines()
        author = {**WHO, "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": when}
        tip = _commit(repository, tree, [tip], git("log", "-1", "--format=%B", commit, cwd=repository), author)
    return tip


def _is_ancestor(repository: Path, one: str, other: str) -> bool:
    return git("merge-base", one, other, cwd=repository) == one


def _quietly(*arguments: str, cwd: Path) -> str:
    try:
        return git(*arguments, cwd=cwd)
    except GitFailed:
        return ""
