"""A command's words before typer reads them: what it would let pass unnoticed is refused."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from camofilter.errors import UsageError


class Command(TyperCommand):
    """Refuses an option that is given twice, of which one would go unheeded, and values that are no names.

    Such are those of variables of a shell that are not set, which are empty, and ``-``, which would be a file's name.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the words of a command line.

        Raises:
            UsageError: see the class.
        """
        given, _, order = self.make_parser(ctx).parse_args(list(args))
        for parameter in order:
            argument = parameter.param_type_name == "argument"
            name = str(parameter.metavar).strip("[]") if argument else parameter.opts[0]
            single = parameter.nargs == 1 and not parameter.multiple and not getattr(parameter, "is_flag", False)
            if single and order.count(parameter) > 1:
                raise UsageError(f"{name} was given {order.count(parameter)} times: give it once")
            value = given[parameter.name]
            values = value if isinstance(value, list | tuple) else [value]
            if "" in values:
                raise UsageError(f"{name} is empty: give it a value or leave it out")
            if "-" in values:
                raise UsageError(f"{name} is '-': standard input and output are not read or written: give a file")
        return super().parse_args(ctx, args)
