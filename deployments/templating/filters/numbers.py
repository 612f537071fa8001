"""Numbers written with standard (`N2`) and custom (`#,##0.00`) formats, en-US, midpoints away from zero. Pure."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

_STANDARD = re.compile(r"([A-Za-z])(\d{0,2})", re.ASCII)
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
_TOKEN = re.compile(r"'([^']*)'|\"([^\"]*)\"|\\(.)|([0#.,%])|(.)", re.DOTALL)


class NoSuchFormat(Exception):
    """A format that the number can not be written with."""


def write(number: Decimal, pattern: str, *, is_integer: bool) -> str:
    """Return the number's text. Raises NoSuchFormat."""
    standard = _STANDARD.fullmatch(pattern)
    if standard is None:
        return _custom(number, pattern) if pattern else _general(number, None, "E")
    letter, size = standard[1], int(standard[2]) if standard[2] else None
    match letter.upper():
        case "F":
            return _fixed(number, 2 if size is None else size)
        case "N":
            return _grouped(number, 2 if size is None else size)
        case "C":
            text = _grouped(abs(number), 2 if size is None else size)
            return ("-$" if _is_negative(number, size) else "$") + text
        case "P":
            return _grouped(number * 100, 2 if size is None else size) + "%"
        case "E":
            return _exponent(number, 6 if size is None else size, letter, 3)
        case "G":
            return _general(number, size, "E" if letter == "G" else "e")
        case "D" if is_integer:
            return ("-" if number < 0 else "") + str(abs(int(number))).rjust(size or 0, "0")
        case "X" if is_integer:
            return format(int(number) % 2**32, letter).rjust(size or 0, "0")
        case "R" if not is_integer:
            return _general(number, None, "E")
    raise NoSuchFormat(pattern)


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), context=_EXACT)


def _is_negative(number: Decimal, places: int | None) -> bool:
    return _rounded(number, 2 if places is None else places) < 0


def _fixed(number: Decimal, places: int) -> str:
    found = _rounded(number, places)
    return format(abs(found) if found == 0 else found, "f")


def _grouped(number: Decimal, places: int) -> str:
    found = _rounded(number, places)
    return format(abs(found) if found == 0 else found, ",f")


def _exponent(number: Decimal, places: int, letter: str, digits: int) -> str:
    found = _EXACT.create_decimal(number)
    power = found.adjusted() if found else 0
    mantissa = _rounded(found.scaleb(-power), places)
    if abs(mantissa) >= 10:
        power += 1
        mantissa = _rounded(found.scaleb(-power), places)
    return f"{mantissa:f}{letter}{'-' if power < 0 else '+'}{abs(power):0{digits}}"


def _general(number: Decimal, digits: int | None, letter: str) -> str:
    if not digits:
        return format(number, "f")
    found = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(number).normalize()
    power = found.adjusted() if found else 0
    return _exponent(found, max(len(found.as_tuple().digits) - 1, 0), letter, 2) if power >= digits or power < -5 else format(found, "f")


def _custom(number: Decimal, pattern: str) -> str:
    sections = _sections(pattern)
    negative = number < 0
    index = 1 if negative and len(sections) > 1 and sections[1] else 2 if number == 0 and len(sections) > 2 else 0
    section = sections[index]
    places, scale = _shape(section)
    found = _rounded(_EXACT.scaleb(abs(number), scale), places)
    if found == 0 and number != 0 and len(sections) > 2:
        section = sections[2]
        places, _ = _shape(section)
        found = _rounded(Decimal(0), places)
    sign = "-" if negative and index == 0 and found else ""
    return sign + _fill(section, found, places)


Token = tuple[str, bool]  # text, and is it a placeholder or a sign with meaning


def _sections(pattern: str) -> list[list[Token]]:
    sections: list[list[Token]] = [[]]
    for found in _TOKEN.finditer(pattern):
        quoted = next((part for part in found.groups()[:3] if part is not None), None)
        if found[5] == ";":
            sections.append([])
        elif quoted is not None:
            sections[-1].append((quoted, False))
        else:
            sections[-1].append((found.group(), found[4] is not None))
    return sections


def _shape(section: list[Token]) -> tuple[int, int]:
    """Return the digits after the point, and by which power of ten the number is multiplied."""
    signs = "".join(text for text, is_sign in section if is_sign)
    whole, _, decimals = signs.partition(".")
    trailing = len(whole) - len(whole.replace("%", "").rstrip(",")) - whole.count("%")
    return sum(one in "0#" for one in decimals), 2 * signs.count("%") - 3 * trailing


def _fill(section: list[Token], number: Decimal, places: int) -> str:
    """Put the digits into their placeholders."""
    whole, _, decimals = format(number, "f").partition(".")
    signs = [text for text, is_sign in section if is_sign]
    point = signs.index(".") if "." in signs else len(signs)
    before = [one for one in signs[:point] if one in "0#"]
    after = [one for one in signs[point:] if one in "0#"]
    least = len(before) - before.index("0") if "0" in before else 0
    digits = whole.lstrip("0").rjust(least, "0")
    last_digit = max((i for i, one in enumerate(signs[:point]) if one in "0#"), default=0)
    first_digit = next((i for i, one in enumerate(signs[:point]) if one in "0#"), 0)
    is_grouped = any(one == "," for one in signs[first_digit:last_digit])
    kept = len(after) if "0" not in after else len(after) - after[::-1].index("0")
    shown = decimals[: len(after)]
    least_decimals = 0 if "0" not in after else kept
    while len(shown) > least_decimals and shown.endswith("0"):
        shown = shown[:-1]
    return _Filler(digits, shown, len(before), is_grouped=is_grouped).text(section)


class _Filler:
    """Walks over a section and hands out digits: the first placeholder takes all that have no place of their own."""

    def __init__(self, digits: str, decimals: str, places: int, *, is_grouped: bool) -> None:
        self.digits, self.decimals, self.left, self.is_grouped = digits, decimals, places, is_grouped
        self.has_point = False

    def text(self, section: list[Token]) -> str:
        return "".join(self._one(text) if is_sign else text for text, is_sign in section)

    def _one(self, sign: str) -> str:
        if sign == "." and not self.has_point:
            self.has_point = True
            rest = "" if self.left or not self.digits else self._take(len(self.digits))
            return rest + ("." if self.decimals else "")
        if sign == "%":
            return sign
        if sign not in "0#":
            return ""
        if self.has_point:
            digit, self.decimals = self.decimals[:1], self.decimals[1:]
            return digit
        taken = max(len(self.digits) - self.left + 1, 0)
        self.left -= 1
        return self._take(taken)

    def _take(self, count: int) -> str:
        out = ""
        for _ in range(min(count, len(self.digits))):
            digit, self.digits = self.digits[0], self.digits[1:]
            out += digit + ("," if self.is_grouped and self.digits and len(self.digits) % 3 == 0 else "")
        return out
