"""Configuration is strict: what is typed either means exactly one thing, or one line says what would."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vla.config as config
from vla.config import ConfigError, load


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    size: int | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)


@dataclass(frozen=True)
class Required:
    outer: Outer


@dataclass(frozen=True)
class Sample:
    name: str
    steps: int
    note: str | None = None
    flag: bool = False
    axes: list[str] = field(default_factory=list)
    kind: str = "plain"
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps {self.steps} must be >= 1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of YAML of our own, so that the laws do not hang on the shipped values."""
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind" / "plain.yaml").write_text("# @package _global_\nkind: plain\n")
    (tmp_path / "kind" / "fancy.yaml").write_text("# @package _global_\nkind: fancy\ninner:\n  rate: 2.0\n")
    (tmp_path / "sample.yaml").write_text("defaults:\n  - kind: plain\n  - _self_\nname: ???\nsteps: 3\n")
    monkeypatch.setattr(config, "config_folder", lambda: tmp_path)
    return tmp_path


def test_an_element_of_a_list_may_hold_an_equals_sign():
    assert load("sample", ["name=a", "axes=x,y=runs/z"], Sample).axes == ["x", "y=runs/z"]
    assert load("sample", ["name=a", "axes=[x,'y=1, 2']"], Sample).axes == ["x", "y=1, 2"]


def test_yaml_gives_values_and_the_dataclass_the_rest():
    assert load("sample", ["name=a"], Sample) == Sample("a", 3)


def test_overrides_reach_every_depth_and_groups_bring_their_values():
    sample = load("sample", ["name=a", "inner.size=4", "kind=fancy", "flag=true"], Sample)
    assert (sample.kind, sample.inner, sample.flag) == ("fancy", Inner(2.0, 4), True)
    assert load("sample", ["name=a", "kind=fancy", "inner.rate=7"], Sample).inner.rate == 7.0


def test_overrides_reach_into_a_branch_without_a_default(folder: Path):
    (folder / "required.yaml").write_text("outer:\n  inner:\n    rate: 0.25\n")
    assert load("required", ["outer.inner.size=3"], Required) == Required(Outer(Inner(0.25, 3)))


def test_the_result_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load("sample", ["name=a"], Sample).steps = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    ["data/my (1) run", "it's", 'say "hi"', "a=b", "a,b", "[x]", "back\\slash", "ümlaut: {x}", "7", "a b"],
)
def test_text_needs_no_quoting(text: str):
    assert load("sample", [f"name={text}"], Sample).name == text


def test_text_can_be_quoted_and_null_means_none_where_none_is_legal():
    assert load("sample", ["name='a b'"], Sample).name == "a b"
    assert load("sample", ["name=a", "note=null"], Sample).note is None
    assert load("sample", ["name=null"], Sample).name == "null"


@pytest.mark.parametrize(
    ("word", "value"),
    [("a", ["a"]), ("a,b", ["a", "b"]), ("[a,b]", ["a", "b"]), ("[]", []), ("a, b", ["a", "b"])],
)
def test_a_list_may_be_written_with_commas(word: str, value: list[str]):
    assert load("sample", ["name=a", f"axes={word}"], Sample).axes == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("stps=4", ["stps=4", "'stps'", "did you mean 'steps'", "valid:", "inner.*"]),
        ("inner.rat=1", ["inner.rat=1", "did you mean 'inner.rate'"]),
        ("steps=many", ["steps", "many", "Integer"]),
        ("flag=perhaps", ["flag", "perhaps", "bool"]),
        ("inner.rate=fast", ["inner.rate", "fast", "Float"]),
        ("steps=0", ["steps 0 must be >= 1"]),
        ("kind=fncy", ["kind=fncy", "did you mean 'fancy'", "plain"]),
        ("inner=5", ["inner=5", "inner.rate"]),
        ("steps", ["'steps' is not key=value"]),
        ("+steps=4", ["+steps"]),
        ("~steps", ["~steps"]),
        ("axes=[a", ["axes"]),
    ],
)
def test_a_mistake_is_one_line_that_names_key_value_and_choices(override: str, words: list[str]):
    with pytest.raises(ConfigError) as caught:
        load("sample", ["name=a", override], Sample)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_required_key_that_is_not_given_is_named():
    with pytest.raises(ConfigError, match="needs name="):
        load("sample", [], Sample)


def test_a_key_in_yaml_that_the_dataclass_lacks_is_refused(folder: Path):
    (folder / "sample.yaml").write_text("name: a\nsteps: 1\nstray: 5\n")
    with pytest.raises(ConfigError, match="stray"):
        load("sample", [], Sample)


def test_shipped_yaml_is_found_from_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    assert (config.config_folder() / "run.yaml").is_file()
    assert config.groups()["policy"] == ["act", "autoregressive", "diffusion", "flow"]
