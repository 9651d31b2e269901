"""From the words on the command line to strict, frozen dataclasses.

Hydra composes ``configs/<command>.yaml`` with its groups and the overrides; OmegaConf checks every value
against the command's dataclass; nothing reads configuration after that. The dataclasses say which keys exist,
the YAML files hold the values. A mistake is one :class:`ConfigError` that names the key, the
value and the valid choices.

Two liberties are taken with Hydra's grammar, since a person types these lines: a value for a text key needs
no quoting (``out=data/my (1) run``), and a list key takes ``a,b`` or a lone ``a`` for ``[a,b]`` and ``[a]``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from vla.contract import ContractError

Schema = TypeVar("Schema")


class ConfigError(ContractError):
    """A key or value on the command line or in a YAML file is wrong; the message names the valid choices."""


def config_folder() -> Path:
    """The folder of YAML files: inside the installed package, or beside it in a checkout.

    Raises:
        ConfigError: neither place has one, so the installation is broken.
    """
    package = Path(__file__).resolve().parent
    places = (package / "configs", package.parent / "configs")
    for place in places:
        if (place / "run.yaml").is_file():
            return place
    raise ConfigError(f"no configs folder at {' or '.join(map(str, places))}: install handily again")


def groups() -> dict[str, list[str]]:
    """Config groups and the choices of each, for example ``{"policy": ["act", "flow"], ...}``."""
    folders = sorted(path for path in config_folder().iterdir() if path.is_dir())
    return {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}


def keys(schema: type) -> dict[str, Any]:
    """Dotted keys of a dataclass and of the dataclasses in it, each with its annotated type, leaves only."""
    found: dict[str, Any] = {}
    hints = get_type_hints(schema)
    for field in fields(schema):
        hint = hints[field.name]
        if isinstance(hint, type) and is_dataclass(hint):
            found |= {f"{field.name}.{name}": leaf for name, leaf in keys(hint).items()}
        else:
            found[field.name] = hint
    return found


def load(command: str, overrides: Sequence[str], schema: type[Schema]) -> Schema:
    """The configuration of one command.

    Args:
        command: Name of the primary YAML file, for example ``"train"``.
        overrides: ``key=value`` words, where a key is a dotted field of ``schema`` or a config group.
        schema: The dataclass to fill; its ``__post_init__`` may refuse values by raising ``ValueError``.

    Returns:
        An instance of ``schema`` in which nothing is missing.

    Raises:
        ConfigError: unknown key or group choice, wrong type, illegal value, or a required key not given.
    """
    return cast(Schema, _checked(command, OmegaConf.to_object, compose_yaml(command, overrides, schema)))


def compose_yaml(command: str, overrides: Sequence[str], schema: type) -> DictConfig:
    """Like :func:`load`, one step earlier: the composed tree, typed by ``schema``, keys may be missing."""
    prepared = [_prepare(text, command, schema) for text in overrides]

    def merge() -> DictConfig:
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            composed = compose(command, prepared)
        typed = OmegaConf.structured(schema)
        _unlock(typed)
        return cast(DictConfig, OmegaConf.merge(typed, composed))

    return _checked(command, merge)


def suggest(wrong: str, choices: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """``"did you mean 'x'? "`` when one choice is close to ``wrong``, then the valid choices.

    Args:
        wrong: What was given.
        choices: What would have been valid.
        shown: The choices to list, where all of them would be too many.
    """
    valid = sorted(choices)
    close = difflib.get_close_matches(wrong, valid, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}valid: {', '.join(sorted(shown) if shown is not None else valid)}"


def check_choice(key: str, value: str, choices: Iterable[str]) -> None:
    """Raise :class:`ConfigError` unless ``value`` is one of ``choices``."""
    valid = list(choices)
    if value not in valid:
        raise ConfigError(f"{key}={value} is not a choice; {suggest(value, valid)}")


def _prepare(text: str, command: str, schema: type) -> str:
    """One word of the command line as Hydra wants it; unknown keys and choices are refused here, by name."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r} is not key=value")
    known, choices = keys(schema), groups()
    branches = {name.partition(".")[0] for name in known if "." in name}
    if key in choices and (key in branches or key in known):
        check_choice(key, value, choices[key])
        return text
    if key not in known:
        hint = suggest(key, known, _beside(key, known))
        raise ConfigError(f"{text}: `handily {command}` has no {key!r}; {hint}")
    override = f"++{key}={_quoted(value, known[key])}"
    try:
        OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ConfigError(f"{text}: the value cannot be read; lists are a,b or [a,b]") from error
    return override


def _beside(key: str, known: Iterable[str]) -> set[str]:
    """The keys of the innermost branch that ``key`` names rightly; deeper branches are cut to ``name.*``."""
    names = list(known)
    branch = key + "."
    while not any(name.startswith(branch) for name in names):
        branch = branch[:-1].rpartition(".")[0] + "." if "." in branch[:-1] else ""
    tails = (name.removeprefix(branch).split(".") for name in names if name.startswith(branch))
    return {f"{branch}{tail[0]}{'.*' if len(tail) > 1 else ''}" for tail in tails}


def _quoted(value: str, hint: Any) -> str:
    options = get_args(hint) if get_origin(hint) not in (list, dict, tuple) else ()
    kinds = options or (hint,)
    if value == "null" and type(None) in kinds:
        return value
    if any(get_origin(kind) in (list, tuple) for kind in kinds):
        inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
        return f"[{','.join(map(_element, inner.split(',')))}]"
    if str in kinds and value[:1] not in ("'", '"'):
        # Hydra reads backslashes literally, except before a quote.
        escaped = re.sub(r"(\\*)('|$)", lambda end: 2 * end[1] + ("\\'" if end[2] else ""), value)
        return f"'{escaped}'"
    return value


def _element(text: str) -> str:
    """One of a list; Hydra wants quotes where it holds an equals sign, as in ``clip=FOLDER``."""
    return f"'{text}'" if "=" in text and "'" not in text and '"' not in text else text


def _unlock(node: Any) -> None:
    """Make a tree of frozen dataclasses writable while it is being composed.

    Branches without a default are filled in first: a merge would make them anew, and read-only.
    """
    if isinstance(node, DictConfig):
        OmegaConf.set_readonly(node, False)
        for key in node if not (node._is_none() or node._is_missing()) else ():
            child = node._get_node(key)
            if isinstance(child, DictConfig) and child._is_missing():
                node[key] = OmegaConf.structured(child._metadata.ref_type)
            _unlock(node._get_node(key))


def _checked(command: str, step: Any, *args: Any) -> Any:
    """Run one step of Hydra or OmegaConf; their many exceptions become one line."""
    try:
        return step(*args)
    except MissingMandatoryValue as error:
        name = error.full_key or str(error).rsplit(" ", 1)[-1]
        raise ConfigError(f"`handily {command}` needs {name}=..., which was not given") from error
    except OmegaConfBaseException as error:
        # Only the first line is about the mistake; the rest is about OmegaConf.
        where = f"{error.full_key}: " if error.full_key else ""
        raise ConfigError(where + (error.msg or str(error)).splitlines()[0]) from error
    except HydraException as error:
        raise ConfigError(" ".join(str(error).split())) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error)) from error
