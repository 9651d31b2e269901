"""A typed sentence on the simulated table: which scene suits it, and who judges what becomes of it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Final

from sim.goals import TEMPLATES
from sim.goals.asking import TRIES, draw_asked, draw_ordinary
from sim.goals.goal import Goal, draw
from sim.goals.hearing import hear
from sim.goals.judge import find
from sim.goals.laying import GoalTable
from sim.goals.model import Act, ImpossibleError
from sim.goals.world import GoalWorld, query_of
from sim.judges import GoalJudge, InstructionJudge, Judge, NoJudge, SayingJudge
from sim.language import PLACES, SHAPE_WORDS, vocabulary
from sim.objects import COLOUR_NAMES
from sim.reading import UNDERSTOOD, UnreadableError, Wish, read_wish
from sim.request import RequestError, RequestWorld
from sim.world import World
from vla.contract import ContractError
from vla.planner.clauses import ACTION_VERBS
from vla.planner.language import split_goal
from vla.planner.symbols import Symbols

AUTO: Final = "auto"
INSTRUCTIONS: Final = "instructions"
ORDINARY: Final = "ordinary"
SCENES: Final = (AUTO, INSTRUCTIONS, ORDINARY, *TEMPLATES)
"""What a scene may be called: chosen by the sentence, for a sequence of instructions, for any sentence at
all, or a goal template's."""
_AS_INSTRUCTIONS: Final = ("single", "uncover", "tower", "sequence", "infeasible")
"""Kinds of goals that are laid as plain instructions where their sentence is one: nothing is hidden or
missing unless it was asked for."""
_NEVER: Final = ("ball_on_block", "block_on_ball", "tower_of_balls", "both_in_bowl", "fixed_thing")
"""What can be done on no table, however plain the words are."""
_FEW_TRIES: Final = 60
_SILENT: Final = frozenset(
    {"the", "and", "you", "for", "with", "that", "this", "are", "can", "could", "please"}
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A world that has been laid, and its judge.

    Attributes:
        world: The caller closes it.
        judge: Of this run alone.
        scene: What was laid, one of :data:`SCENES` except ``"auto"``.
    """

    world: World
    judge: Judge
    scene: str


@dataclass(frozen=True, slots=True)
class _Picture:
    """How the world draws: the arguments of :class:`sim.world.World`."""

    image_size: int
    backend: str
    render: bool


def stage(
    sentence: str,
    scene: str = AUTO,
    seed: int = 0,
    image_size: int = 128,
    backend: str = "auto",
    render: bool = True,
) -> Stage:
    """Lay a scene for a sentence; the same arguments give the same scene.

    Args:
        sentence: What a person says.
        scene: ``"auto"`` looks for what suits the sentence: a goal's table where its words are those of a
            goal template, a table for instructions where it is a sequence of these, else an ordinary table,
            on which the planner may say that it cannot. Any other of :data:`SCENES` is laid whatever is
            said.
        seed: Draws everything.
        image_size: See :class:`sim.world.World`, as ``backend`` and ``render``.

    Raises:
        ContractError: ``scene`` is none of :data:`SCENES`, the sentence has no words, or the scene that was
            asked for cannot be laid for it.
    """
    if scene not in SCENES:
        raise ContractError(f"scene {scene!r} is not one of {', '.join(SCENES)}")
    steps, picture = split_goal(sentence), _Picture(image_size, backend, render)
    if scene == INSTRUCTIONS:
        return _instructions(steps, seed, picture)
    if scene == ORDINARY:
        return _on_goal(*draw_ordinary(sentence, seed), sentence, False, picture)
    if scene != AUTO:
        return _named(scene, sentence, seed, picture)
    plain = _plain(steps)
    for heard in hear(sentence):
        sought = not plain or heard.template.kind not in _AS_INSTRUCTIONS
        if not sought and heard.template.name not in _NEVER:
            continue
        drawn = draw_asked(heard, sentence, seed, tries=TRIES if sought else _FEW_TRIES)
        if drawn is not None:
            return _on_goal(*drawn, sentence, True, picture)
    if plain or _readable(sentence, steps):
        try:
            return _instructions(steps, seed, picture)
        except RequestError:
            pass  # such as to stack a thing on itself: the planner should say so
    return _on_goal(*draw_ordinary(sentence, seed), sentence, False, picture)


def check_words(sentence: str) -> None:
    """Refuse what has no word in it that means anything on the table.

    Raises:
        ContractError: the message says what could be said.
    """
    words = {word for word in re.findall(r"[a-z]+", sentence.lower()) if len(word) > 2} - _SILENT
    if not words & _known_words():
        raise ContractError(
            f"no word of {sentence!r} means anything on the simulated table. Say for example: {UNDERSTOOD}, "
            f"with {', '.join(SHAPE_WORDS)} in {', '.join(COLOUR_NAMES)}; or a goal, such as 'sort the "
            "blocks into corners by colour', or a question, such as 'how many stars do you see?'"
        )


@cache
def _known_words() -> frozenset[str]:
    wordings = " ".join(wording for t in TEMPLATES.values() for wording in (*t.train, *t.test))
    said = {word for word in re.findall(r"[a-z]+", wordings) if len(word) > 2}
    plurals = {f"{word}s" for words in SHAPE_WORDS.values() for word in words}
    return (vocabulary() | ACTION_VERBS | said | plurals) - _SILENT


def _instructions(steps: tuple[str, ...], seed: int, picture: _Picture) -> Stage:
    with ExitStack() as stack:
        made = RequestWorld(steps, picture.image_size, picture.backend, picture.render)
        world = stack.enter_context(made)
        world.lay(seed)
        stack.pop_all()
    return Stage(world, InstructionJudge(world, world.asked), INSTRUCTIONS)


def _named(scene: str, sentence: str, seed: int, picture: _Picture) -> Stage:
    """A template's table, with the things that were said where the sentence is one of the template's."""
    template = TEMPLATES[scene]
    heard = next((heard for heard in hear(sentence) if heard.template is template), None)
    if heard is None:
        goal, table = draw(template, seed)
        return _on_goal(goal, table, sentence, False, picture)
    drawn = draw_asked(heard, sentence, seed)
    if drawn is None:
        words = ", ".join(f"{slot} = {word}" for slot, word in heard.words.items())
        raise RequestError(f"scene={scene}: no table of this kind was found with {words}")
    return _on_goal(*drawn, sentence, True, picture)


def _on_goal(goal: Goal, table: GoalTable, sentence: str, meant: bool, picture: _Picture) -> Stage:
    """Lay a goal's table; ``meant`` says that the sentence asks for that goal."""
    with ExitStack() as stack:
        made = GoalWorld(picture.image_size, picture.backend, picture.render)
        world = stack.enter_context(made)
        world.lay_goal(goal, table)
        judge = _goal_judge(world) if meant else _judge_of(world, sentence)
        stack.pop_all()
    return Stage(world, judge, goal.template)


def _goal_judge(world: GoalWorld) -> Judge:
    return GoalJudge(world) if world.goal.saying is None else SayingJudge(world)


def _judge_of(world: GoalWorld, sentence: str) -> Judge:
    """Who judges a sentence on a table that was not laid for it.

    Plain instructions are judged where what they speak of is there; else, and where the simulator knows no
    goal of such words, the planner should say that it cannot. A goal or a question about another table has no
    judge.
    """
    steps = split_goal(sentence)
    if not _plain(steps):
        unknown = not hear(sentence) and "?" not in sentence
        return SayingJudge(world, any_reason=True) if unknown else NoJudge()
    state = world.symbols()
    try:
        acts = [_there(find(step, state), state) for step in steps]
    except ImpossibleError:
        return SayingJudge(world, any_reason=True)
    return InstructionJudge(world, [query_of(act, world.truth()) for act in acts])


def _there(act: Act, state: Symbols) -> Act:
    fixture = {"open_drawer": "drawer", "close_drawer": "drawer", "press_button": "button"}
    needed = fixture.get(act.family, act.place)
    if needed in PLACES and " " not in needed and needed not in state.fixtures:
        raise ImpossibleError(f"there is no {needed}")
    return act


def is_instructions(sentence: str) -> bool:
    """True for what can be followed by its words alone.

    Goals and questions want somebody who looks, and so does a drawer that nobody says to open.
    """
    steps = split_goal(sentence)
    wishes = _wishes(steps)
    if wishes is None or "?" in sentence or not _plain(steps):
        return False
    families = [wish.family for wish in wishes]
    drawer = [i for i, family in enumerate(families) if family in ("take_out", "put_in_drawer")]
    return not drawer or "open_drawer" in families[: drawer[0]]


def _plain(steps: tuple[str, ...]) -> bool:
    """True for instructions in words that a policy could be told."""
    words = {word for step in steps for word in re.findall(r"[a-z]+", step)}
    return words <= vocabulary() and _wishes(steps) is not None


def _readable(sentence: str, steps: tuple[str, ...]) -> bool:
    """True where the reading by key words makes sense of every step of what is no question.

    It takes whatever names an object and no known verb for reaching, so that alone is not enough.
    """
    wishes = _wishes(steps)
    return wishes is not None and "?" not in sentence and all(wish.family != "reach" for wish in wishes)


def _wishes(steps: tuple[str, ...]) -> list[Wish] | None:
    try:
        return [read_wish(step) for step in steps]
    except UnreadableError:
        return None
