"""How many steps the standard engine may take on a text at most. Pure."""

from typing import Any

_FIXED = ("LITERAL", "NOT_LITERAL", "ANY", "IN", "AT")


def worst_case(tree: Any, size: int, length: int) -> int | None:
    """Return a bound on the steps for a text of that length, None where repetitions stand inside each other.

    `size` is the pattern's, all its repetitions written out.
    """
    ways = _ways(tree, length + 1)
    return None if ways is None else ways * (length + 1) * size


def _ways(tree: Any, length: int) -> int | None:
    ways = 1
    for operation, argument in tree:
        found = _ways_of_one(str(operation), argument, length)
        if found is None:
            return None
        ways = min(ways * found, 10**12)
    return ways


def _ways_of_one(operation: str, argument: Any, length: int) -> int | None:
    match operation:
        case "SUBPATTERN":
            return _ways(argument[3], length)
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, inner = argument
            return min(most - least + 1, length) if _ways(inner, length) == 1 else None
        case "BRANCH":
            found = [_ways(choice, length) for choice in argument[1]]
            return None if None in found else sum(one or 0 for one in found)
    return 1 if operation in _FIXED else None
