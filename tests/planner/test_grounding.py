"""What a meaning comes to on a seen table: instructions, a reason why not, or an answer."""

from __future__ import annotations

import pytest

from vla.planner.grammar import format_saying
from vla.planner.grounding import hinted, pending, plan_wish, reached_by, say, settle
from vla.planner.meaning import Wish
from vla.planner.meaning_text import parse_meaning
from vla.planner.meaning_words import format_meaning
from vla.planner.means import StuckError
from vla.planner.seen import parse_seen
from vla.planner.seen_table import SeenTable, seen_table

FIXTURES = "bowl 4 7 ; tray 10 7 ; zone 16 7"
PLAIN = f"{FIXTURES} ; red block table 12 3 ; green star table 3 9 ; blue block table 6 5 ."
TOWER = f"{FIXTURES} ; red block table 12 3 ; green star on blue block ; blue block on red block ."
CLOSED = "bowl 4 7 ; tray 10 7 ; drawer closed ; button 8 2 ; red block table 12 3 ; green star table 5 3 ."
HIDING = "tray 4 4 ; drawer closed ; yellow star table 5 3 ."
OPEN = "bowl 4 7 ; tray 10 7 ; drawer open ; button pressed 8 2 ; red block drawer ; green star table 5 3 ."
MIXED = (
    "bowl 4 7 ; tray 10 7 ; zone 16 7 ; drawer open ; button 8 2 ; red block table 12 3 ; red ball bowl"
    " ; green star tray ; blue block drawer ; blue cylinder zone ; yellow star front left ."
)


def table(seen: str) -> SeenTable:
    return seen_table(parse_seen(seen))


def said(meaning: str, seen: str) -> str:
    return format_saying(say(parse_meaning(meaning), table(seen)))


def wish(meaning: str, seen: str) -> Wish:
    settled = settle(parse_meaning(meaning), table(seen))
    assert isinstance(settled, Wish)
    return settled


def goes_on(settled: Wish, seen: str) -> str:
    return format_saying(plan_wish(settled, table(seen)))


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("put the red block in bowl .", PLAIN, "put the red block in the bowl."),
        ("put the green star in zone .", PLAIN, "put the green star in the zone."),
        ("put the green star in back right .", PLAIN, "put the green star in the back right corner."),
        ("put the green star in table .", TOWER, "take the green star off the blue block."),
        ("put the red block in table .", PLAIN, "done."),
        ("put the red block in drawer .", CLOSED, "open the drawer; put the red block in the drawer."),
        ("stack the green star on the red block .", PLAIN, "stack the green star on the red block."),
        ("stack the red block on the tray .", PLAIN, "put the red block on the tray."),
        ("hold the green star .", PLAIN, "pick up the green star."),
        ("hold the red block inside drawer .", OPEN,
         "take the red block out of the drawer; pick up the red block."),
        ("reach the blue block .", PLAIN, "reach the blue block."),
        ("reach the red block inside drawer .", CLOSED.replace("red block table 12 3 ; ", ""),
         "open the drawer; take the red block out of the drawer; reach the red block."),
        ("clear the blue block .", TOWER, "take the green star off the blue block."),
        ("clear the green star .", TOWER, "done."),
        ("pile every block .", PLAIN, "stack the blue block on the red block."),
        ("sort every block .", PLAIN,
         "put the blue block in the back left corner; put the red block in the back right corner."),
        ("open .", CLOSED, "open the drawer."),
        ("close .", CLOSED, "done."),
        ("press .", CLOSED, "press the button."),
        ("press .", OPEN, "done."),
        ("flip .", "red block table 1 1 ; blue block on red block .",
         "take the blue block off the red block; stack the red block on the blue block."),
        ("undo .", TOWER, "take the green star off the blue block; take the blue block off the red block."),
        ("undo .", PLAIN, "done."),
        ("tidy .", PLAIN,
         "put the red block on the tray; put the green star on the tray; put the blue block on the tray."),
        ("open then put the red block in drawer then close .", CLOSED,
         "open the drawer; put the red block in the drawer; close the drawer."),
        ("swap the red ball with the green star .", MIXED,
         "put the red ball on the tray; put the green star in the bowl."),
    ],
)  # fmt: skip
def test_a_wish_becomes_what_remains_to_be_done(meaning: str, seen: str, saying: str) -> None:
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("hold the block leftmost .", PLAIN, "pick up the blue block."),
        ("hold the block rightmost .", PLAIN, "pick up the red block."),
        ("hold the thing nearest .", PLAIN, "pick up the green star."),
        ("hold the thing farthest .", PLAIN, "pick up the red block."),
        ("hold the thing topmost .", TOWER, "pick up the green star."),
        ("hold the thing middle .", TOWER, "take the green star off the blue block; pick up the blue block."),
        ("hold the thing lowest .", TOWER,
         "take the green star off the blue block; take the blue block off the red block; pick up"
         " the red block."),
        ("hold the thing upon the red block .", TOWER,
         "take the green star off the blue block; pick up the blue block."),
        ("hold the thing beneath the green star .", TOWER,
         "take the green star off the blue block; pick up the blue block."),
        ("hold the block left of the tray .", PLAIN, "pick up the blue block."),
        ("hold the block right of the tray .", PLAIN, "pick up the red block."),
        ("hold the thing closest to the zone .", PLAIN, "pick up the red block."),
        ("hold the thing coloured like the red ball .", MIXED, "pick up the red block."),
        ("hold the thing inside bowl .", MIXED, "pick up the red ball."),
        ("hold the thing inside zone .", MIXED, "pick up the blue cylinder."),
        ("hold the thing inside front left .", MIXED, "pick up the yellow star."),
        ("put every thing stacked in tray .", TOWER,
         "take the green star off the blue block; take the blue block off the red block; put the"
         " red block on the tray; put the green star on the tray; put the blue block on the tray."),
        ("put every thing inside drawer in table .", MIXED, "take the blue block out of the drawer."),
        ("put every block but the red block in tray .", PLAIN, "put the blue block on the tray."),
        ("put every red thing in tray .", MIXED,
         "put the red block on the tray; put the red ball on the tray."),
        ("hold any block .", PLAIN, "pick up the red block."),
        ("pile every thing .", PLAIN,
         "stack the blue block on the red block; stack the green star on the blue block."),
        ("flip .", "red block table 1 1 ; blue block on red block .",
         "take the blue block off the red block; stack the red block on the blue block."),
        ("stack the red block on the blue block .", MIXED,
         "take the blue block out of the drawer; stack the red block on the blue block."),
    ],
)  # fmt: skip
def test_a_description_finds_whom_it_means(meaning: str, seen: str, saying: str) -> None:
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("if drawer open do close else press .", OPEN, "close the drawer."),
        ("if drawer open do close else press .", CLOSED, "press the button."),
        ("if button pressed do close else press .", CLOSED, "press the button."),
        ("if some any blue star do press .", CLOSED, "done."),
        ("if not some any blue star do press .", CLOSED, "press the button."),
        ("if more every block than every star do press else close .", OPEN, "close the drawer."),
        ("if same every block as every star do press else close .", OPEN, "done."),
        ("if several any block do hold the red block else hold the green star .", PLAIN,
         "pick up the red block."),
        ("if several any star do hold the red block else hold the green star .", PLAIN,
         "pick up the green star."),
        ("if empty bowl do put the red block in bowl else put the red block in tray .", MIXED,
         "put the red block on the tray."),
        ("if empty bowl do put the red block in bowl else put the red block in tray .", PLAIN,
         "put the red block in the bowl."),
        ("if covered the red block do clear the red block else hold the red block .", TOWER,
         "take the green star off the blue block; take the blue block off the red block."),
        ("if covered the red block do clear the red block else hold the red block .", PLAIN,
         "pick up the red block."),
        ("if is the red block left of the tray do press .", MIXED, "done."),
        ("if is the red block right of the tray do press .", MIXED, "press the button."),
        ("if drawer closed do put the blue block inside drawer in tray .", CLOSED,
         "open the drawer; take the blue block out of the drawer; put the blue block on the tray."),
    ],
)  # fmt: skip
def test_a_choice_goes_by_what_is_so(meaning: str, seen: str, saying: str) -> None:
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("ask is the red block closest to the bowl .", PLAIN, "answer: no."),
        ("ask is the green star closest to the bowl .", PLAIN, "answer: yes."),
        ("ask is the bowl left of the tray .", PLAIN, "answer: yes."),
        ("ask is the tray left of the bowl .", PLAIN, "answer: no."),
        ("ask is the red block left of the drawer .", PLAIN, "cannot: because there is no drawer."),
        ("ask is the red block left of the blue star .", PLAIN, "cannot: because there is no blue star."),
        ("ask covered the tray .", MIXED, "answer: yes."),
        ("ask covered the tray .", PLAIN, "answer: no."),
        ("where the tray .", PLAIN, "answer: on the table."),
        ("where the red ball .", MIXED, "answer: in the bowl."),
        ("where the yellow star .", MIXED, "answer: in the front left corner."),
        ("where the blue block .", MIXED, "answer: in the drawer."),
        ("where the green star .", TOWER, "answer: on the blue block."),
        ("where the blue cylinder .", MIXED, "answer: in the zone."),
        ("colour the cylinder .", MIXED, "answer: blue."),
        ("colour the tray .", MIXED, "cannot: because i do not know how to do that."),
        ("count every block .", PLAIN, "answer: two."),
        ("count every ball .", PLAIN, "answer: none."),
        ("count every block plus every star .", PLAIN, "answer: three."),
        ("name any thing inside bowl .", MIXED, "answer: the red ball."),
        ("name any thing inside tray .", PLAIN, "answer: nothing."),
        ("name any thing upon the red block .", TOWER, "answer: the blue block."),
        ("name any thing upon the purple block .", TOWER, "cannot: because there is no purple block."),
    ],
)  # fmt: skip
def test_a_question_is_answered_by_what_is_seen(meaning: str, seen: str, saying: str) -> None:
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("hold the purple ball .", PLAIN, "cannot: because there is no purple ball."),
        ("hold the ball .", PLAIN, "cannot: because there is no ball."),
        ("hold the block .", PLAIN, "cannot: because there is more than one block."),
        ("hold the red block .", "red block twice .", "cannot: because there is more than one red block."),
        ("put the red block in bowl .", "bowl 4 7 ; red block table 1 2 ; blue star bowl .",
         "cannot: because there is no room in the bowl."),
        ("put every block plus every star in tray .", MIXED, "cannot: because there is no room in the tray."),
        ("put every block in zone .", PLAIN, "cannot: because i do not know how to do that."),
        ("put every thing in bowl .", PLAIN, "cannot: because there is no room in the bowl."),
        ("stack the red block on the green star .", PLAIN,
         "cannot: because nothing holds on the green star."),
        ("stack the red ball on the red block .", MIXED, "cannot: because the red ball holds on nothing."),
        ("stack the red block on the red block .", PLAIN, "cannot: because i do not know how to do that."),
        ("stack the red block on the button .", CLOSED, "cannot: because i do not know how to do that."),
        ("put the red ball in zone .", MIXED, "cannot: because the red ball holds on nothing."),
        ("sort every ball .", MIXED, "cannot: because a ball holds on nothing."),
        ("sort every block .",
         "drawer closed ; red block table 1 2 ; blue block table 2 3 ; green block table 4 5 .",
         "cannot: because something stands in the front right corner."),
        ("pile every star .", MIXED, "cannot: because nothing holds on the green star."),
        ("pile every ball .", MIXED, "cannot: because a ball holds on nothing."),
        ("put the green star inside drawer in table .", MIXED,
         "cannot: because the green star is not in the drawer."),
        ("put the red block in front right .", MIXED,
         "cannot: because something stands in the front right corner."),
        ("put the red block in front left .", MIXED,
         "cannot: because something stands in the front left corner."),
        ("hold the bowl .", PLAIN, "cannot: because the bowl cannot be moved."),
        ("put the drawer in tray .", PLAIN, "cannot: because there is no drawer."),
        ("put the drawer in tray .", CLOSED, "cannot: because the drawer cannot be moved."),
        ("unknown .", PLAIN, "cannot: because i do not know how to do that."),
        ("reach the bowl .", PLAIN, "cannot: because i do not know how to do that."),
    ],
)  # fmt: skip
def test_what_cannot_be_says_why(meaning: str, seen: str, saying: str) -> None:
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        ("swap the red block with the blue block .", PLAIN, "cannot: because i do not know how to do that."),
        ("swap the red block with the blue block .", MIXED,
         "put the red block in the drawer; take the blue block out of the drawer."),
        ("swap the red block with the blue cylinder .", MIXED,
         "cannot: because i do not know how to do that."),
        ("swap the red block with the red ball .", MIXED, "cannot: because i do not know how to do that."),
        ("swap the red block with the blue block .", TOWER,
         "take the green star off the blue block; take the blue block off the red block; stack the"
         " red block on the blue block; stack the green star on the red block."),
        ("swap the red block with the green star .",
         "red block table 1 1 ; blue block on red block ; green block on blue block .",
         "cannot: because there is no green star."),
        ("swap the red block with the green block .",
         "red block table 1 1 ; blue block on red block ; green block on blue block .",
         "take the green block off the blue block; stack the blue block on the green block; stack"
         " the red block on the blue block."),
    ],
)  # fmt: skip
def test_two_things_change_places_where_something_can_bring_them_there(
    meaning: str, seen: str, saying: str
) -> None:
    assert said(meaning, seen) == saying


def test_a_choice_knows_of_the_drawer_only_for_its_deeds() -> None:
    meaning = parse_meaning(
        "if some any blue block do hold the blue block else put the blue block inside drawer in table ."
    )
    assert format_saying(say(meaning, table(CLOSED))) == (
        "open the drawer; take the blue block out of the drawer."
    )


def test_what_lies_in_a_closed_drawer_is_believed_as_told_until_it_is_seen() -> None:
    meaning = parse_meaning("put the purple ball inside drawer in bowl .")
    steps = "take the purple ball out of the drawer; put the purple ball in the bowl."
    assert format_saying(say(meaning, table(CLOSED))) == f"open the drawer; {steps}"
    settled = settle(meaning, table(CLOSED))
    assert isinstance(settled, Wish)
    opened = "bowl 4 7 ; drawer open ; purple ball drawer ."
    assert goes_on(settled, opened) == steps
    empty = "bowl 4 7 ; drawer open ."
    assert hinted(meaning, table(empty)) == table(empty)
    assert goes_on(settled, empty) == "cannot: because there is no purple ball."


def test_what_is_told_of_a_drawer_does_not_move_what_is_seen_elsewhere() -> None:
    meaning = parse_meaning("put the red block inside drawer in table .")
    assert hinted(meaning, table(CLOSED)) == table(CLOSED)
    assert format_saying(say(meaning, table(CLOSED))) == "cannot: because the red block is not in the drawer."


def test_all_that_is_in_a_closed_drawer_is_settled_again_when_it_is_open() -> None:
    settled = wish("put every star inside drawer in tray and close .", HIDING)
    assert pending(settled)
    assert goes_on(settled, HIDING) == "open the drawer."
    again = wish(format_meaning(settled), "tray 4 4 ; drawer open ; red block drawer ; green star drawer .")
    assert not pending(again)
    taken_out = "tray 4 4 ; drawer open ; red block drawer ; green star table 3 3 ."
    assert goes_on(again, taken_out) == "put the green star on the tray; close the drawer."
    assert goes_on(again, "tray 4 4 ; drawer closed ; green star tray .") == "done."


@pytest.mark.parametrize(
    ("meaning", "before", "after", "saying"),
    [
        # Whom a description meant is whom it goes on to mean.
        ("put the block leftmost in tray .", PLAIN,
         f"{FIXTURES} ; red block table 1 3 ; blue block table 6 5 .", "put the blue block on the tray."),
        ("put the thing topmost in table .", TOWER,
         f"{FIXTURES} ; red block table 1 3 ; green star table 6 5 ; blue block on red block .", "done."),
        ("put every thing inside tray in bowl .", MIXED,
         f"{FIXTURES} ; red block tray ; green star table 1 1 .", "put the green star in the bowl."),
        # What was so decides, even when it is so no more.
        ("if drawer closed do open else press .", CLOSED, OPEN, "done."),
        ("if covered the red block do clear the red block else hold the red block .", TOWER, PLAIN, "done."),
        ("swap the thing inside bowl with the thing inside tray .", MIXED,
         "bowl 4 7 ; tray 10 7 ; green star bowl ; red ball table 3 3 .", "put the red ball on the tray."),
        ("undo .", TOWER, PLAIN, "done."),
        ("flip .", "red block table 1 1 ; blue block on red block .",
         "red block table 1 1 ; blue block table 2 3 .", "stack the red block on the blue block."),
    ],
)  # fmt: skip
def test_a_settled_wish_stays_about_the_same_things(
    meaning: str, before: str, after: str, saying: str
) -> None:
    assert goes_on(wish(meaning, before), after) == saying


def test_every_star_means_one_that_comes_into_view_later_too() -> None:
    settled = wish("put every star in tray .", PLAIN)
    assert goes_on(settled, PLAIN) == "put the green star on the tray."
    later = f"{FIXTURES} ; green star tray ; white star table 8 8 ."
    assert goes_on(settled, later) == "put the white star on the tray."
    but = wish("put every star but the white star in tray .", later)
    assert goes_on(but, later) == "done."


@pytest.mark.parametrize(
    ("meaning", "seen", "why"),
    [
        ("put the red ball in table .", "red ball on blue block ; blue block table 1 1 .", "no instruction"),
        (
            "put the thing inside bowl in table .",
            MIXED,
            "the red ball rolls away on the table",
        ),
    ],
)
def test_where_no_way_leads_and_no_words_say_why_it_is_stuck(meaning: str, seen: str, why: str) -> None:
    with pytest.raises(StuckError, match=why):
        say(parse_meaning(meaning), table(seen))


@pytest.mark.parametrize("verb", ["open", "close", "press", "tidy", "undo", "flip"])
def test_settling_twice_changes_nothing(verb: str) -> None:
    seen = MIXED.replace("yellow star front left", "yellow star on red block")
    settled = wish(f"{verb} .", seen)
    assert settle(settled, table(seen)) == settled


def test_eyes_that_see_two_things_on_one_or_a_ring_of_things_do_no_harm() -> None:
    for text in (
        "red block table 3 3 ; green star on red block ; blue star on red block .",
        "red block on blue block ; blue block on red block .",
        "red block on red block ; green star on red block .",
        "green star on red block .",
    ):
        table = seen_table(parse_seen(text))
        for row in table.state.names:
            assert row in table.state.column(table.state.foot(row))
        for meant in ("hold the thing topmost .", "undo .", "flip .", "tidy .", "clear every block ."):
            say(parse_meaning(meant), table)


@pytest.mark.parametrize(
    ("meaning", "seen", "saying"),
    [
        # What comes last is at the end, whoever says it first.
        ("close and put the red star in tray .", "tray 4 4 ; drawer open ; red star drawer .",
         "take the red star out of the drawer; put the red star on the tray; close the drawer."),
        ("hold the red star and press .", "button 4 4 ; red star table 3 3 .",
         "press the button; pick up the red star."),
        # Of two places the later one counts.
        ("put every star in tray and put the red star in bowl .",
         "tray 4 4 ; bowl 9 9 ; red star bowl ; blue star tray .", "done."),
        # A corner is a place on the table that has a name.
        ("put the red block in bowl and put the blue star in table .",
         "bowl 9 9 ; red block table 1 1 ; blue star bowl .",
         "put the blue star in the front left corner; put the red block in the bowl."),
        ("swap the red block with the blue block .",
         "tray 4 4 ; bowl 9 9 ; red block bowl ; blue block tray ; green star tray ; red star tray .",
         "put the blue block in the front left corner; put the red block on the tray"
         "; put the blue block in the bowl."),
        # What has come out of the drawer is on the table, and nothing more is moved while the hand is full.
        ("swap the red block with the blue block .",
         "drawer open ; bowl 9 9 ; red block bowl ; blue block drawer ; red star drawer"
         " ; green star drawer .",
         "take the blue block out of the drawer; put the red block in the drawer"
         "; put the blue block in the bowl."),
        ("put the red block in bowl and put the blue block in table .",
         "bowl 9 9 ; red block hand ; blue block bowl .",
         "put the red block in the front left corner; put the blue block in the front right corner"
         "; put the red block in the bowl."),
        # What rolls does not wait on the table.
        ("swap the red block with the green ball .",
         "tray 4 4 ; bowl 9 9 ; green ball bowl ; red block tray ; green star tray ; red star tray .",
         "put the red block in the front left corner; put the green ball on the tray"
         "; put the red block in the bowl."),
        # In the hand is not on the table.
        ("put the red block in table .", "red block hand .", "stuck"),
        ("swap the red block with the blue block .", "tray 4 4 ; red block hand ; blue block tray .",
         "cannot: because i do not know how to do that."),
        ("tidy .", "tray 4 4 ; red block hand .", "put the red block on the tray."),
        # A full tray is not the end of tidying.
        ("tidy .", "tray 4 4 ; bowl 9 9 ; red block table 1 1 ; green star tray ; white star tray"
         " ; blue star table 2 2 .",
         "put the red block on the tray; put the blue star in the bowl."),
        ("tidy .", "zone 4 4 ; red block table 3 3 .", "cannot: because there is no tray."),
        # What is to be left out need not be seen.
        ("put every thing but the red ball in tray .", "tray 4 4 ; blue block table 3 3 .",
         "put the blue block on the tray."),
        ("put every thing but every star in tray .", "tray 4 4 ; blue block table 3 3 .",
         "put the blue block on the tray."),
        # Nobody knows all that is in a drawer that is not open.
        ("put every thing inside drawer in tray .", "tray 4 4 ; drawer ajar ; red block drawer .",
         "open the drawer."),
    ],
)  # fmt: skip
def test_what_people_ask_for_at_odd_moments(meaning: str, seen: str, saying: str):
    if saying == "stuck":
        with pytest.raises(StuckError):
            said(meaning, seen)
        return
    assert said(meaning, seen) == saying


@pytest.mark.parametrize(
    ("meaning", "seen", "answer"),
    [
        ("ask is every block inside tray .", "tray 4 4 ; red block tray ; blue block table 3 3 .", "no"),
        ("ask is every block inside tray .", "tray 4 4 ; red block tray ; blue block tray .", "yes"),
        ("ask is any block inside tray .", "tray 4 4 ; blue block tray ; red block table 3 3 .", "yes"),
        ("ask covered any block .", "blue block table 1 1 ; red block on blue block .", "yes"),
        ("where the red block .", "red block hand .", "in the hand"),
    ],
)
def test_questions_about_several_and_about_what_is_in_the_hand(meaning: str, seen: str, answer: str):
    assert said(meaning, seen) == f"answer: {answer}."


def test_what_has_been_reached_is_kept_up_unless_a_later_wish_undoes_it():
    stored = "drawer closed ; red block drawer ."
    asked = wish(
        "open then put the red block in drawer then close .", "drawer closed ; red block table 3 3 ."
    )
    assert format_saying(plan_wish(asked, table(stored), 2)) == "done."
    assert goes_on(asked, stored) == "open the drawer; close the drawer."
    fell = "drawer open ; red block table 3 3 ."
    assert (
        format_saying(plan_wish(asked, table(fell), 2))
        == "put the red block in the drawer; close the drawer."
    )
    reach = wish("reach the red block then press .", "button 4 4 ; red block table 3 3 .")
    assert goes_on(reach, "button pressed 4 4 ; red block table 3 3 .") == "reach the red block."
    assert format_saying(plan_wish(reach, table("button pressed 4 4 ; red block table 3 3 ."), 1)) == "done."
    assert reached_by(asked, table("drawer open ; red block drawer ."), 0) == 2
    assert reached_by(asked, table("drawer open ; red block table 3 3 ."), 0) == 1
    assert reached_by(asked, table("drawer closed ; red block drawer ."), 2) == 3


def test_any_sorting_is_a_sorting_and_strangers_are_gone_around():
    sort = wish("sort every block .", "red block table 3 3 ; blue block table 4 9 ; green star table 8 8 .")
    apart = "put the red block in the back left corner; put the blue block in the front left corner."
    assert goes_on(sort, "red block table 3 3 ; blue block table 4 9 .") == apart
    assert goes_on(sort, "red block front left ; blue block back left .") == "done."
    assert goes_on(sort, "red block back right ; blue block front right .") == "done."
    knocked = "red block table 3 3 ; blue block table 4 9 ; green star back left ."
    assert goes_on(sort, knocked).endswith("put the red block in the front right corner.")
    beside = "red block back left ; blue block front left ; green star back left ."
    assert goes_on(sort, beside) == "done."
    assert "red" not in goes_on(sort, beside.replace("front left", "table 4 9"))
    full = "drawer closed ; red block table 3 3 ; blue block table 4 9 ; green star back left ."
    assert goes_on(sort, full) == "cannot: because something stands in the front right corner."
