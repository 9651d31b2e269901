"""What goes around a wish: politeness, and one after another.

Slots ``{a}``, ``{b}`` and ``{c}`` are imperatives, to be done in this order where the order matters.
"""

from __future__ import annotations

from typing import Final

OPENERS: Final = (
    "please", "please,", "now", "robot,", "hey robot,", "hello robot,", "dear robot,", "ok,", "okay,",
    "okay robot,", "ok, now", "well,", "so,", "right,", "alright,", "good,", "fine, now", "great, now", "hi,",
    "hey,", "listen:", "listen,", "attention:", "look,", "next,", "next task:", "your task:", "your job:",
    "here is your task:", "this is what to do:", "do this:", "do the following:", "do me a favour:",
    "a favour please:", "one more thing:", "my wish:", "command:", "instruction:", "now then,",
    "excuse me,", "sorry,", "uh,", "um,", "hm,", "quick:", "quickly now:", "for me, please:",
)  # fmt: skip
"""Before anything."""

REQUESTS: Final = (
    "could you", "can you", "would you", "will you", "could you please", "can you please", "would you please",
    "please could you", "robot, can you", "hey, could you", "could you now", "might you",
    "would you be so kind as to", "would you be so kind and", "would you be able to", "are you able to",
    "may i ask you to", "can i ask you to", "could i ask you to", "would it be possible for you to",
    "is it possible for you to", "would you mind to", "do you think you could", "could you maybe",
    "can you quickly", "how about you",
)  # fmt: skip
"""Before an imperative, making it a question."""

BEFORE: Final = (
    *OPENERS,
    "i want you to", "i need you to", "i would like you to", "i'd like you to", "i wish you to",
    "i ask you to", "i'd ask you to", "i expect you to", "i'd love you to", "i'd be glad if you could",
    "i would appreciate it if you could", "it would be nice if you could", "it would help if you could",
    "it would be great if you could", "i'd be grateful if you would", "your job is to", "your task is to",
    "your goal is to", "the goal is to", "the task is to", "the plan is to", "the idea is to",
    "what i want is that you", "what you have to do is to", "all you have to do is", "you should", "you must",
    "you have to", "you need to", "you are to", "you can now", "you may now", "you shall", "you will",
    "go and", "go ahead and", "just", "simply", "kindly", "let's", "let us", "let's now", "try to",
    "try and", "be so kind and", "be a dear and", "be good and", "do me a favour and", "make sure to",
    "make sure that you", "don't forget to", "remember to", "time to", "it is time to", "we need to",
    "we want to", "we have to", "somebody needs to", "help me:", "help me to", "the aim is to",
)  # fmt: skip
"""Before an imperative."""

AFTER: Final = (
    "please", ", please", "for me", "for me, please", "for me please", "now", "right now", "right away",
    "at once", "immediately", ", now", ", thanks", ", thank you", ", thanks a lot", ", many thanks",
    ". thanks", ". thank you", ". thank you very much", ", ok?", ", okay?", ", will you?", ", would you?",
    ", could you?", ", can you?", ", robot", ", if you can", ", if you please", ", if you would",
    ", if possible", ", that is all", ". that is all", ". that's it", ".", "!", "..", ". go", ", come on",
    ". quickly, please", "and be careful", ", carefully",
)  # fmt: skip
"""After a wish."""

BEFORE_STATEMENTS: Final = (
    "ok,", "okay,", "so,", "well,", "robot,", "hey robot,", "hello robot,", "listen:", "look,",
    "i want it like this:", "this is how i want it:", "here is what i want:", "my wish:", "my wish is this:",
    "this is the goal:", "the goal:", "goal:", "your task:", "the task is this:", "the plan is this:",
    "it should be like this:", "this is how it should be:", "what i want:", "what i have in mind:",
    "do something:", "change it:", "work to do:", "at the end,", "in the end", "please:", "now",
    "from now on", "as i see it,", "you know,", "just so you know:", "a request:",
)  # fmt: skip
"""Before a statement of what should be."""

SEE_TO_IT: Final = (
    "make sure that", "make sure", "please make sure that", "see to it that", "please see to it that",
    "take care that", "arrange it so that", "arrange things so that", "ensure that", "do something so that",
    "work until it is so:", "i want that", "i wish that", "i said that", "it is my wish that",
    "i would say that", "the idea is that", "the goal is that", "the plan is that", "it is important that",
    "could you make sure that", "can you see to it that", "be sure that", "i think", "you know that",
)  # fmt: skip
"""Before a statement that begins with what it is about."""

AFTER_STATEMENTS: Final = (", please", "please", ".", ", thanks", ". thank you", "now", ", ok?", "!")

THEN: Final = (
    "{a}, then {b}",
    "{a} then {b}",
    "{a} and then {b}",
    "{a}, and (only then|after that|afterwards|then) {b}",
    "{a}, (after that|afterwards|thereafter|after this|next) {b}",
    "{a}. (then|after that|afterwards|next|later) {b}",
    "{a}; (next|then|after that|afterwards|when done) {b}",
    "{a}. (when|once|as soon as) (that|this|it) is done, {b}",
    "{a} and when (that|this) is done {b}",
    "{a}, and (once|as soon as|when) you are (done|finished|ready) {b}",
    "{a}. (when|once|as soon as) you (are done|are finished|have done that), {b}",
    "{a}, followed by this: {b}",
    "{a} and (subsequently|later|next) {b}",
    "{a} before you {b}",
    "{a}, and not before that is done, {b}",
    "{a} (first|at first|first of all), (then|and then|after that) {b}",
    "{a} first. (then|after that|afterwards|next) {b}",
    "{a}. only (then|after that|afterwards) {b}",
    "{a}; your (second|next) task is then: {b}",
    "{a}. the next step: {b}",
    "{a} to begin with, then {b}",
    "{a} and (finish|end) by doing this: {b}",
    "{a}, and last {b}",
    "{a}. after you did that, {b}",
    "first {a}, then {b}",
    "first {a} and (then|after that|afterwards) {b}",
    "first {a}. (then|after that|afterwards|next|second) {b}",
    "(first of all|to begin with|to start with|at first) {a}, (then|after that|next) {b}",
    "first, {a}; second, {b}",
    "(step one|step 1|first step|one|1): {a}, (step two|step 2|second step|two|2): {b}",
    "(step one|step 1|first step): {a}. (step two|step 2|second step): {b}",
    "before you {b}, {a}",
    "before you {b}, (first|you should|you must|please) {a}",
    "after you {a}, {b}",
    "after you have done this: {a}, do that: {b}",
    "once you have done this: {a}, do that: {b}",
    "(as soon as|once|when) you are done with this: {a}, (go on with|continue with|do) this: {b}",
    "start with this: {a}. (go on|continue|carry on) with (this|that): {b}",
    "begin with this: {a}. (end|finish) with this: {b}",
    "{b}, but first {a}",
    "{b}, but (before that|before this|beforehand|before you do so) {a}",
    "{b}, but not before you {a}",
    "{b} after you {a}",
    "{b} (only after|once|as soon as) you have done this: {a}",
    "{b}. but (first|before that|beforehand), {a}",
    "{b}; (first|before that|beforehand), (though|however), {a}",
    "do this first: {a}. (then|after that) do this: {b}",
    "do two things (in this order|one after the other|in sequence): {a}, {b}",
    "in this order: {a}, {b}",
    "one after the other: {a}, {b}",
    "the first thing to do: {a}. the second: {b}",
    "at the end {b}, but at the beginning {a}",
)
"""Two in order. Those that begin with ``{a}``, without a "first", also lengthen a chain."""

THEN_THREE: Final = (
    "first {a}, then {b} and finally {c}",
    "first {a}, then {b}, then {c}",
    "first {a}, (second|secondly) {b}, (third|thirdly) {c}",
    "first {a}. then {b}. (then|finally|at last|last) {c}",
    "first {a}, after that {b} and (at the end|in the end|last|last of all|to finish) {c}",
    "{a}, then {b}, then {c}",
    "{a} then {b} then {c}",
    "{a}, then {b} and then {c}",
    "{a} and then {b} and then {c}",
    "{a}, then {b}, and (finally|lastly|at the end|at last|after that|to finish) {c}",
    "{a}. then {b}. (then|finally|after that|at the end) {c}",
    "{a}; (then|next|after that) {b}; (then|finally|last) {c}",
    "{a}, (afterwards|after that|next) {b}, (finally|at the end|lastly) {c}",
    "{a}. when that is done, {b}. when that is done too, {c}",
    "{a}, and once you are done {b}, and after that {c}",
    "(step one|step 1|1): {a}, (step two|step 2|2): {b}, (step three|step 3|3): {c}",
    "step one: {a}. step two: {b}. step three: {c}",
    "start with this: {a}. (go on|continue) with this: {b}. (end|finish) with this: {c}",
    "to begin with {a}, then {b}, and to finish {c}",
    "in this order: {a}, {b}, {c}",
    "do three things (in this order|one after the other): {a}, {b}, {c}",
    "one after the other: {a}, {b} and {c}",
    "before you {c}, {b}, and before that {a}",
    "{c}, but first {a} and then {b}",
    "{c} at the end; before that, first {a}, then {b}",
    "after you {a}, {b}, and after that {c}",
    "(at first|first of all) {a}, then {b}, (only then|and only then) {c}",
    "{a} before you {b}, and {c} last of all",
)
AND: Final = (
    "{a} and {b}",
    "{a}, and {b}",
    "{a}, {b}",
    "{a}; {b}",
    "{a}. {b}",
    "{a} & {b}",
    "{a} plus {b}",
    "{a}, plus {b}",
    "{a} and (also|likewise|additionally) {b}",
    "{a}, and (also|too|besides|in addition|additionally|moreover) {b}",
    "{a} and {b} (too|as well)",
    "{a}, and {b} (too|as well|also)",
    "{a}. (also|besides|in addition|additionally|moreover|furthermore), {b}",
    "{a}. and {b} (too|as well|)",
    "{a}. also {b}",
    "{a}; also {b}",
    "{a}. apart from that, {b}",
    "{a}. another thing: {b}",
    "{a}. (what is more|oh and|oh, and), {b}",
    "{a} and please (also|) {b}",
    "{a}, and (don't forget to|remember to|make sure to) {b}",
    "{a}, as well as this: {b}",
    "{a}, while you are at it also {b}",
    "{a} and i also want you to {b}",
    "(two things|do two things|two tasks|two wishes|do both): {a} and {b}",
    "(two things|do two things|do these two things), in (any|whatever) order: {a}, {b}",
    "i want two things: {a} and {b}",
    "both of this: {a}, and {b}",
    "do this: {a}, and this: {b}",
    "not only {a} but also {b}",
    "on the one hand {a}, on the other hand {b}",
    "this: {a}. and this (too|as well|): {b}",
    "{a}, moreover {b}",
)
"""Two in any order. Those that begin with ``{a}``, without a "first", also lengthen a chain."""
AND_THREE: Final = (
    "{a}, {b} and {c}",
    "{a}, {b}, and {c}",
    "{a}, {b}, {c}",
    "{a}; {b}; {c}",
    "{a}. {b}. {c}",
    "{a} and {b} and {c}",
    "{a} and {b}, and also {c}",
    "{a}, also {b}, also {c}",
    "{a}, and {b}, and {c} (too|as well|also)",
    "{a}. also {b}. and {c}",
    "{a}. (besides|in addition|also), {b} and {c}",
    "{a} and also {b} and {c}",
    "(three things|do three things|three tasks|three wishes): {a}, {b} and {c}",
    "(three things|do these three things), in (any|whatever) order: {a}, {b}, {c}",
    "i want three things: {a}, {b} and {c}",
    "{a} plus {b} plus {c}",
    "this: {a}. this too: {b}. and this: {c}",
)
THEN_WITHIN: Final = (
    "{a} and then {b}", "{a} and (afterwards|after that) {b}", "first {a} and then {b}", "{a} then {b}",
)  # fmt: skip
AND_WITHIN: Final = ("{a} and {b}", "{a} and also {b}", "both {a} and {b}", "{a} and {b} as well")
"""Two within a choice, where a full stop would end it."""

BEFORE_QUESTIONS: Final = (
    "robot,", "hey robot,", "hello robot,", "tell me,", "tell me:", "please tell me:", "say,", "so,", "ok,",
    "well,", "excuse me,", "a question:", "one question:", "question:", "i have a question:",
    "listen:", "now", "hm,", "i wonder:", "i want to know:", "look:", "have a look:", "can you tell me:",
    "could you tell me:", "please", "do you know:", "answer me:", "sorry,", "and", "quick question:",
)  # fmt: skip
"""Before a question."""
