"""Calculations: reading a sum into postfix order, working one out, and how numbers are written. Pure."""

import math
import re
from collections.abc import Callable
from decimal import Decimal

from deployments.templating.nodes import Symbol
from deployments.templating.reader import Reader, Unparsable

_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_OPERAND = re.compile(r"\s*[+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?\s*")

Postfix = tuple[float | Symbol | str, ...]


class NotFinite(Exception):
    """The sum has no number as its result; the message is a sentence."""


def read_sum(reader: Reader) -> tuple[Postfix, str]:
    """Return the sum that starts here in postfix order, and its operands and operators as written, without blanks."""
    found = _Sum(reader)
    found.read_level("+-")
    return tuple(found.postfix), "".join(found.written)


class _Sum:
    """A sum being read."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.postfix, self.written = reader, list[float | Symbol | str](), list[str]()

    def read_level(self, operators: str) -> None:
        """Read operands joined by these operators: products for a sum, factors for a product."""
        reader = self.reader
        once: Callable[[], None] = self._read_product if operators == "+-" else self._read_factor
        once()
        while True:
            before, made, shown = reader.at, len(self.postfix), len(self.written)
            reader.blanks()
            operator = reader.source[reader.at : reader.at + 1]
            try:
                if not operator or operator not in operators:
                    raise Unparsable(reader.at)
                reader.at += 1
                reader.blanks()
                self.written.append(operator)
                once()
                self.postfix.append(operator)
            except Unparsable:
                reader.at = before
                del self.postfix[made:], self.written[shown:]
                return

    def _read_product(self) -> None:
        self.read_level("*/")

    def _read_factor(self) -> None:
        """Read what the first character says: parentheses, a number, a name in braces, else a name."""
        reader = self.reader
        number = _NUMBER.match(reader.source, reader.at)
        if reader.sees("("):
            self._read_parentheses()
        elif number:
            self.postfix.append(float(number.group()))
            self.written.append(number_text(float(number.group())))
            reader.at = number.end()
        else:
            self._read_name()

    def _read_parentheses(self) -> None:
        reader = self.reader
        reader.enter(reader.at)
        try:
            reader.at += 1
            self.read_level("+-")
            reader.expect(")")
        finally:
            reader.depth -= 1

    def _read_name(self) -> None:
        reader = self.reader
        is_braced = reader.sees("{")
        reader.at += is_braced
        reader.blanks()
        symbol = reader.symbol()
        reader.blanks()
        if is_braced:
            reader.expect("}")
        self.postfix.append(symbol)
        self.written.append(symbol.show())


def operand(text: str) -> float | None:
    """Return the number a variable's text stands for, or None: `-1,234.5`, `2e3`."""
    return float(text.replace(",", "")) if len(text) <= 400 and _OPERAND.fullmatch(text) else None


def compute(operator: str, left: float, right: float) -> float:
    """Return the result in double precision. Raises NotFinite for a division by zero or a result beyond all numbers."""
    if operator == "/" and right == 0:
        raise NotFinite("A calculation divides by zero.")
    found = left / right if operator == "/" else left * right if operator == "*" else left + right if operator == "+" else left - right
    if not math.isfinite(found):
        raise NotFinite("A calculation's result is too large.")
    return found


def number_text(number: float) -> str:
    """Return the shortest decimal that reads back as the same double; from 1e15 up and below 1e-4 with an exponent."""
    if number == 0:
        return "0"
    if 1e-4 <= abs(number) < 1e15:
        return format(Decimal(repr(number)).normalize(), "f")
    digits, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
    return f"{digits}E{exponent[0]}{exponent[1:].rjust(2, '0')}"
