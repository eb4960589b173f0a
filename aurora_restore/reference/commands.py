"""The commands of the command line and its exit codes, from the app itself."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.main import PROGRAM, app
from aurora_restore.reference.markdown import code, fenced, row, table


def exit_codes() -> str:
    """Return the table of the exit codes."""
    return table(
        ("Exit code", "Meaning"), (row(code(str(int(each))), each.meaning) for each in ExitCode)
    )


def global_options() -> str:
    """Return the table of the options that stand before the command."""
    group: Any = get_command(app)
    return _options(each for each in group.params if each.name != "help")


def commands() -> str:
    """Return a section for each command: what it does, its arguments and its options."""
    group: Any = get_command(app)
    return "\n\n".join(
        "\n\n".join(_section(name, command)) for name, command in group.commands.items()
    )


def _section(name: str, command: Any) -> Iterator[str]:
    yield f"### {name}"
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    named = "".join(f" {_argument(each)}" for each in arguments)
    yield fenced("text", [f"{PROGRAM} {name}{named} [OPTIONS]"])
    yield from (" ".join(part.split()) for part in command.help.split("\n\n"))
    yield _options(command.params)


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name.upper()).strip("[]")
    return name if parameter.required else f"[{name}]"


def _options(parameters: Any) -> str:
    return table(("", "What it is", "Default"), map(_row, parameters))


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return row(code(_argument(parameter)), parameter.help, "")
    name = " ".join(parameter.opts + parameter.secondary_opts)
    if not parameter.is_flag:
        name += f" {parameter.metavar or parameter.name.upper()}"
    return row(code(name), parameter.help, _default(parameter))


def _default(parameter: Any) -> str:
    """Return the value that counts where the option is not given; variables come before it."""
    variables = parameter.envvar or []
    named = [variables] if isinstance(variables, str) else list(variables)
    if parameter.required:
        return "is needed"
    shown = parameter.show_default
    value = shown if isinstance(shown, str) else parameter.default
    if value is not None and not parameter.is_flag:
        named.append(str(value))
    return ", else ".join(map(code, named))
