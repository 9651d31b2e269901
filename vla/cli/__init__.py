"""The command ``handily``: signatures and help only.

This package is the composition root, the one place that sees every room. It builds what the config names
and hands it over; it decides nothing. Each command's rooms are imported when the command runs, so
``handily --help`` and the robot's side of ``handily run`` never load torch.
"""

from __future__ import annotations

from typing import Annotated

import typer

from vla.cli.mistakes import reported

app = typer.Typer(
    name="handily",
    help="A sentence moves an arm: plan, act, watch and re-plan until it is done.",
    epilog="Every command takes KEY=VALUE words and shows its keys with --show-config. "
    'Start with: handily run "put the red block in the bowl"',
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
dataset_app = typer.Typer(
    help="Look at demonstrations on disk: info, doctor, show, replay.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(dataset_app, name="dataset")
keys_app = typer.Typer(
    help="Who may speak to a policy server beyond this machine: new, allow, revoke, list.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(keys_app, name="keys")
study_app = typer.Typer(
    help="Measure why a part is built as it is: vision.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(study_app, name="study")
clip_app = typer.Typer(
    help="Pictures and sentences in one space: train, eval, calibrate.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(clip_app, name="clip")
vqa_app = typer.Typer(
    help="Talk about pictures, to train and examine a model that answers: generate, show, eval.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(vqa_app, name="vqa")
planner_app = typer.Typer(help="Train the planner that looks.", no_args_is_help=True)
app.add_typer(planner_app, name="planner")
_KEY_MAY_START_WITH_A_DASH = {"ignore_unknown_options": True}

Overrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", show_default=False)]
Words = Annotated[list[str] | None, typer.Argument(metavar="SENTENCE KEY=VALUE", show_default=False)]
Extras = Annotated[list[str] | None, typer.Argument(metavar="EXTRA", show_default=False)]
Robot = Annotated[str | None, typer.Option("--robot", metavar="ENDPOINT", help="Ask this robot instead.")]
Show = Annotated[bool, typer.Option("--show-config", help="Print every key with its value, and stop.")]


@app.command()
@reported
def run(words: Words = None, show_config: Show = False) -> None:
    """Carry out a sentence on the simulated arm and leave a video and a report in runs/.

    Exit code 0 when the simulator judges the task done, 1 when not.

    [dim]handily run "put the red block in the bowl" seed=7[/dim]

    [dim]handily run "open the drawer, then put the blue block in it" checkpoint=runs/train[/dim]
    """
    from vla.cli.run import run as command

    command(words or [], show_config)


@app.command()
@reported
def collect(overrides: Overrides = None, show_config: Show = False) -> None:
    """Let the scripted experts demonstrate; successes become a LeRobot v3 dataset. Resumes where it stopped.

    [dim]handily collect task=all episodes=2000 out=data/tabletop workers=2[/dim]

    [dim]handily collect task=put_in,stack episodes=100 out=data/two[/dim]

    [dim]handily collect stills=26000 out=data/stills[/dim]   labelled scenes without motion instead

    [dim]handily collect suite=metaworld episodes=50 out=data/metaworld[/dim]   another suite's fifty tasks
    """
    from vla.cli.collect import collect as command

    command(overrides or [], show_config)


@app.command()
@reported
def train(overrides: Overrides = None, show_config: Show = False) -> None:
    """Train a policy on demonstrations. The same line again resumes after an interruption.

    [dim]handily train policy=flow data=data/tabletop train.steps=20000 seed=1[/dim]

    [dim]handily train data=data/tabletop stills=data/stills train.steps=4400[/dim]
    """
    from vla.cli.train import train as command

    command(overrides or [], show_config)


@app.command(name="eval")
@reported
def evaluate(overrides: Overrides = None, show_config: Show = False) -> None:
    """Measure a checkpoint's success on unseen scenes, one axis of change at a time.

    [dim]handily eval checkpoint=runs/train suite=tabletop episodes=50 axes=layout,paraphrase[/dim]

    [dim]handily eval suite=planner planner=language,oracle episodes=20[/dim]

    [dim]handily eval suite=success detector=llava,policy,clip=runs/clip[/dim]   is it done?

    [dim]handily eval suite=pointing checkpoint=null,runs/train axes=base,pair[/dim]   what is meant?

    [dim]handily eval suite=composite planner=oracle disturb=none,knock episodes=5[/dim]   goals carried out

    [dim]handily eval suite=metaworld checkpoint=runs/metaworld episodes=10[/dim]
    """
    from vla.cli.suites import evaluate as command

    command(overrides or [], show_config)


@app.command()
@reported
def serve(overrides: Overrides = None, show_config: Show = False) -> None:
    """Serve a checkpoint over ZeroMQ until interrupted; a robot connects as the client.

    [dim]handily serve checkpoint=policies/checkpoints/tabletop endpoint=tcp://127.0.0.1:5555[/dim]

    [dim]handily serve endpoint=tcp://0.0.0.0:5555 key=server[/dim]   beyond this machine, see handily keys
    """
    from vla.cli.serve import serve as command

    command(overrides or [], show_config)


@app.command()
@reported
def robot(overrides: Overrides = None, show_config: Show = False) -> None:
    """The robot's side: connect to a policy server, and do what an operator asks. It never loads torch.

    [dim]handily robot driver=mujoco server=tcp://127.0.0.1:5555 port=5560[/dim]
    """
    from vla.cli.robot import robot as command

    command(overrides or [], show_config)


@dataset_app.command(name="info")
@reported
def dataset_info(folder: str) -> None:
    """Counts, tasks and per-feature statistics.

    [dim]handily dataset info data/tabletop[/dim]
    """
    from vla.cli.dataset import info

    info(folder)


@dataset_app.command(name="doctor")
@reported
def dataset_doctor(folder: str) -> None:
    """Idle frames, action jumps, missing frames, broken files. Exit code 1 when something is wrong.

    [dim]handily dataset doctor data/tabletop[/dim]
    """
    from vla.cli.dataset import doctor as command

    command(folder)


@dataset_app.command(name="show")
@reported
def dataset_show(folder: str, overrides: Overrides = None) -> None:
    """A contact sheet of episodes as one PNG.

    [dim]handily dataset show data/tabletop episodes=8 out=sheet.png[/dim]
    """
    from vla.cli.dataset import show

    show(folder, overrides or [])


@dataset_app.command(name="replay")
@reported
def dataset_replay(folder: str, overrides: Overrides = None) -> None:
    """Replay an episode's actions in the simulator and report how far the state drifts.

    [dim]handily dataset replay data/tabletop episode=3[/dim]
    """
    from vla.cli.dataset import replay

    replay(folder, overrides or [])


@keys_app.command(name="new")
@reported
def keys_new(name: str, overrides: Overrides = None) -> None:
    """Make a key pair: one on the server, one on each robot. Never overwrites.

    [dim]handily keys new arm1[/dim]
    """
    from vla.cli.keys import new

    new(name, overrides or [])


@keys_app.command(name="allow", context_settings=_KEY_MAY_START_WITH_A_DASH)
@reported
def keys_allow(key_or_file: str, overrides: Overrides = None) -> None:
    """On the server: let the holder of a public key in, from now on.

    [dim]handily keys allow arm1.public[/dim]

    [dim]handily keys allow 'PUBLIC KEY' name=arm1[/dim]
    """
    from vla.cli.keys import allow

    allow(key_or_file, overrides or [])


@keys_app.command(name="revoke", context_settings=_KEY_MAY_START_WITH_A_DASH)
@reported
def keys_revoke(name_or_key: str, overrides: Overrides = None) -> None:
    """On the server: shut the holder of a key out, connected or not, within a second.

    [dim]handily keys revoke arm1[/dim]
    """
    from vla.cli.keys import revoke

    revoke(name_or_key, overrides or [])


@keys_app.command(name="list")
@reported
def keys_list(overrides: Overrides = None) -> None:
    """Own keys and the allow-list, by name and fingerprint; never a secret.

    [dim]handily keys list[/dim]
    """
    from vla.cli.keys import show

    show(overrides or [])


@study_app.command(name="vision")
@reported
def study_vision(overrides: Overrides = None, show_config: Show = False) -> None:
    """Vision transformers and a ConvNet at equal budget: labels they need, and cost against resolution.

    Resumes where it stopped; leaves two plots and a report.

    [dim]handily study vision out=runs/study_vision[/dim]

    [dim]handily study vision data=data/stills labels=250,4000 seeds=0[/dim]
    """
    from vla.cli.study import vision

    vision(overrides or [], show_config)


@clip_app.command(name="train")
@reported
def clip_train(overrides: Overrides = None, show_config: Show = False) -> None:
    """Train an image-text model on captions of stills. The same line again resumes after an interruption.

    [dim]handily collect stills=12000 tableaux=true out=data/tableaux[/dim]

    [dim]handily clip train stills=data/tableaux out=runs/clip[/dim]
    """
    from vla.cli.clip import train as command

    command(overrides or [], show_config)


@clip_app.command(name="eval")
@reported
def clip_eval(overrides: Overrides = None, show_config: Show = False) -> None:
    """Answer questions by prompts alone, on unseen scenes, beside a linear probe on the same features.

    [dim]handily clip eval model=runs/clip stills=data/tableaux[/dim]

    [dim]handily clip eval model=openai/clip-vit-base-patch32 stills=data/tableaux[/dim]
    """
    from vla.cli.clip_eval import evaluate as command

    command(overrides or [], show_config)


@clip_app.command(name="calibrate")
@reported
def clip_calibrate(overrides: Overrides = None, show_config: Show = False) -> None:
    """Make "done" against "not done" a probability; precision and recall at the threshold, and a plot.

    [dim]handily clip calibrate model=runs/clip[/dim]
    """
    from vla.cli.clip_calibrate import calibrate as command

    command(overrides or [], show_config)


@vqa_app.command(name="generate")
@reported
def vqa_generate(overrides: Overrides = None, show_config: Show = False) -> None:
    """Make visual instruction data: conversations, descriptions and reasoning beside pictures. Resumes.

    [dim]handily vqa generate count=2000 out=data/vqa[/dim]

    [dim]handily vqa generate stills=data/stills out=data/vqa_stills[/dim]

    [dim]handily vqa generate count=200 out=data/free endpoint=http://127.0.0.1:8000/v1 model=NAME[/dim]
    """
    from vla.cli.vqa import generate as command

    command(overrides or [], show_config)


@vqa_app.command(name="show")
@reported
def vqa_show(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="What handily vqa generate made.")],
    overrides: Overrides = None,
    show_config: Show = False,
) -> None:
    """Count the questions of each type, and draw pictures with what is said about them as one PNG.

    [dim]handily vqa show data/vqa pictures=6[/dim]
    """
    from vla.cli.vqa import show as command

    command(folder, overrides or [], show_config)


@vqa_app.command(name="eval")
@reported
def vqa_eval(overrides: Overrides = None, show_config: Show = False) -> None:
    """Examine a model that answers: unseen scenes, questions of every type, known and unknown wordings.

    [dim]handily vqa eval[/dim]   the planner's model that comes with handily

    [dim]handily vqa eval model=HuggingFaceTB/SmolVLM2-2.2B-Instruct scenes=50[/dim]
    """
    from vla.cli.vqa_eval import evaluate as command

    command(overrides or [], show_config)


@app.command()
@reported
def look(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture of any size.")],
    labels: Annotated[list[str], typer.Argument(metavar="--labels LABEL...", show_default=False)],
    _labels: Annotated[bool, typer.Option("--labels", help="What follows are labels.", hidden=True)] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A checkpoint, a folder or a model's name; without it, handily's own."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Which label fits a picture best: ranked probabilities that add up to 1.

    [dim]handily look image.png --labels "a red block in the bowl" "an empty bowl"[/dim]

    [dim]handily look image.png --labels "a cat" "a robot" --model openai/clip-vit-base-patch32[/dim]
    """
    from vla.cli.look import look as command

    command(image, labels, model, device)


@app.command()
@reported
def ask(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture of any size.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In words.")],
    overrides: Overrides = None,
    show_config: Show = False,
) -> None:
    """Ask a vision-language model about a picture.

    [dim]handily ask image.png "What is left of the bowl?" model=HuggingFaceTB/SmolVLM2-2.2B-Instruct[/dim]

    [dim]handily ask image.png "Is the drawer open?" model=http://127.0.0.1:11434/v1#qwen2.5vl[/dim]

    A server's key is read from the environment variable HANDILY_API_KEY.
    """
    from vla.cli.ask import ask as command

    command(image, question, overrides or [], show_config)


@app.command()
@reported
def doctor(extras: Extras = None, robot: Robot = None) -> None:
    """Check this machine and installation; a red line says how to mend it. Exit code 1 when one is red.

    What is not installed is no fault, unless the extra is named.

    [dim]handily doctor[/dim]   whatever is installed

    [dim]handily doctor sim serve[/dim]   and these must be

    [dim]handily doctor --robot tcp://127.0.0.1:7000[/dim]   how a running robot's loop keeps time
    """
    from vla.cli.doctor import doctor as command
    from vla.cli.doctor import watch

    if robot is not None:
        watch(robot)
    else:
        command(extras or [])


@app.command()
@reported
def bench(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[policies|bridge|loop|soak] KEY=VALUE")
    ] = None,
    show_config: Show = False,
) -> None:
    """Time the simulator, policy and bridge; one of them beside others; the loop; or soak all in faults.

    [dim]handily bench seconds=5[/dim]

    [dim]handily bench policies out=bench[/dim]   a chunk by flow, diffusion, regression and tokens, in turn

    [dim]handily bench bridge out=bench[/dim]   ratios to a bare TCP socket, openpi's wire and gRPC

    [dim]handily bench loop out=bench[/dim]   lateness of ticks, idle and with every core busy

    [dim]handily bench soak minutes=30[/dim]   faults without end, and what the arm was sent meanwhile
    """
    words = words or []
    kind = words[0] if words and "=" not in words[0] else ""
    if kind == "policies":
        from vla.cli.bench_policies import bench_policies

        bench_policies(words[1:], show_config)
    elif kind == "bridge":
        from vla.cli.bench_bridge import bench_bridge

        bench_bridge(words[1:], show_config)
    elif kind == "loop":
        from vla.cli.bench_loop import bench_loop

        bench_loop(words[1:], show_config)
    elif kind == "soak":
        from vla.cli.bench_soak import bench_soak

        bench_soak(words[1:], show_config)
    else:
        from vla.cli.bench import bench as command

        command(words, show_config)


@planner_app.command(name="train")
@reported
def planner_train(overrides: Overrides = None, show_config: Show = False) -> None:
    """Train the planner's eyes, words and the way between them. The same line again resumes.

    [dim]handily collect lessons=40000 out=data/lessons[/dim]

    [dim]handily collect lessons=140000 pictures=false seed=50000 out=data/told[/dim]

    [dim]handily planner train lessons=data/lessons told=data/told out=runs/planner[/dim]
    """
    from vla.cli.planner import train as command

    command(overrides or [], show_config)


def main() -> None:
    """Entry point of the ``handily`` command."""
    app()
