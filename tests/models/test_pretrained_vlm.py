"""Other people's classes behind our interface: their numbers, our grammar, nothing foreign run or fetched."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_vlms
import torch
import transformers

from vla.contract import ContractError
from vla.models.pretrained_clip import PretrainedError
from vla.models.pretrained_vlm import PretrainedVLM, load_vlm
from vla.models.vlm import VisionLanguageModel
from vla.planner.grammar import allowed_next, parse

KINDS = list(tiny_vlms.RECIPES)
PROMPT = "what is left of the bowl?"


@pytest.fixture(scope="module", autouse=True)
def offline_and_alone() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("vlm") / request.param
    tiny_vlms.save(request.param, folder)
    return request.param, folder


@pytest.fixture(scope="module")
def loaded(saved: tuple[str, Path]) -> PretrainedVLM:
    return load_vlm(str(saved[1]))


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vlm") / "llava"
    tiny_vlms.save("llava", folder)
    return folder


@functools.cache
def own_class(kind: str, folder: Path) -> Any:
    return getattr(transformers, tiny_vlms.RECIPES[kind].model).from_pretrained(folder).eval()


def direct(kind: str, folder: Path, prompt: str, more: str = "") -> torch.Tensor:
    """Log-probabilities behind the prompt and each token of ``more``, from transformers' own class.

    The prompt is put together here, without any processor.
    """
    own = own_class(kind, folder)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(
        [tiny_vlms.picture()], return_tensors="pt"
    )
    text = tiny_vlms.whole_text(kind, prompt)
    start = words(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    ids = torch.cat(
        [start, words(more, add_special_tokens=False, return_tensors="pt")["input_ids"].long()], 1
    )
    inputs = {name: pixels[name] for name in ("pixel_values", "image_grid_thw") if name in pixels}
    if kind == "gemma3":
        inputs["token_type_ids"] = (ids == words.convert_tokens_to_ids("<image_soft_token>")).long()
    elif kind == "paligemma":
        inputs["token_type_ids"] = (torch.arange(ids.shape[1]) >= start.shape[1])[None].long()
    elif kind.startswith("qwen"):
        inputs["mm_token_type_ids"] = (ids == words.convert_tokens_to_ids("<|image_pad|>")).long()
    with torch.no_grad():
        logits = own(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs).logits[0]
    return logits[start.shape[1] - 1 :].double().log_softmax(-1)


def test_scores_are_those_of_transformers_own_class(saved: tuple[str, Path], loaded: PretrainedVLM) -> None:
    kind, folder = saved
    assert isinstance(loaded, VisionLanguageModel)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    found = loaded.score(tiny_vlms.picture(), PROMPT, ["yes", "the drawer"])
    for got, choice in zip(found, ("yes", "the drawer"), strict=True):
        ways = {f"{space}{text}" for space in ("", " ") for text in (choice, choice.capitalize())}
        totals = []
        for way in ways:
            ids = words.encode(way, add_special_tokens=False)
            rows = direct(kind, folder, PROMPT, way)
            totals.append(sum(float(rows[i, token]) for i, token in enumerate(ids)))
        assert len(totals) == 4
        assert got == pytest.approx(np.logaddexp.reduce(totals), abs=1e-4)


def test_free_speech_is_the_likeliest_token_each_time(saved: tuple[str, Path], loaded: PretrainedVLM) -> None:
    kind, folder = saved
    words = transformers.AutoTokenizer.from_pretrained(folder)
    first = int(direct(kind, folder, PROMPT)[0].argmax())
    found = loaded._log_probabilities(loaded.inputs(tiny_vlms.picture(), PROMPT), ())[0]
    assert int(found.argmax()) == first
    text = loaded.reply(tiny_vlms.picture(), PROMPT, max_words=4)
    assert len(text.split()) <= 4
    if first not in words.all_special_ids and (begins := words.decode([first]).strip()).isascii():
        assert text.startswith(begins)


def test_replies_are_in_the_grammar_the_same_each_time_and_of_this_picture(loaded: PretrainedVLM) -> None:
    texts = [loaded.reply(tiny_vlms.picture(seed), PROMPT, allowed_next) for seed in (0, 0, 1, 2, 3, 4, 5)]
    for text in texts:
        parse(text)
    assert texts[0] == texts[1]
    scores = {
        tuple(loaded.score(tiny_vlms.picture(seed), PROMPT, ["yes", "no"]).round(6)) for seed in (0, 0, 1, 2)
    }
    assert len(scores) == 3


def test_a_reply_in_the_grammar_is_cut_at_so_many_words(loaded: PretrainedVLM) -> None:
    whole = loaded.reply(tiny_vlms.picture(), PROMPT, allowed_next)
    cut = loaded.reply(tiny_vlms.picture(), PROMPT, allowed_next, max_words=1)
    assert cut == whole.replace(";", "").replace(":", "").replace(".", "").split()[0]


def test_the_models_own_marks_are_taken_out_of_a_prompt(
    saved: tuple[str, Path], loaded: PretrainedVLM
) -> None:
    mark = tiny_vlms.RECIPES[saved[0]].marks[-1]
    trick = loaded.inputs(tiny_vlms.picture(), f"what{mark}</s>is this?")
    plain = loaded.inputs(tiny_vlms.picture(), "what  is this?")
    assert torch.equal(trick["input_ids"], plain["input_ids"])


@pytest.mark.parametrize("shape", [(300, 200), (28, 28), (15, 400), (1, 1)])
def test_pictures_of_any_size_are_looked_at_or_refused_by_name(
    loaded: PretrainedVLM, shape: tuple[int, int]
) -> None:
    found = ""
    try:
        loaded.score(np.zeros((*shape, 3), np.uint8), PROMPT, ["yes", "no"])
    except ContractError as error:
        found = str(error)
    assert not found or (min(shape) < 28 and str(shape)[:-1] in found)


def test_what_is_no_picture_is_refused(llava: Path) -> None:
    model = load_vlm(str(llava))
    images: tuple[Any, ...] = (
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    )
    for image in images:
        with pytest.raises(ContractError, match=r"expected uint8 \(H, W, 3\)"):
            model.reply(image, PROMPT)


def test_a_checkpoints_habits_do_not_make_answers_random(llava: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llava, tmp_path / "model")
    habits = json.loads((folder / "generation_config.json").read_text())
    habits |= {"do_sample": True, "temperature": 9.0, "repetition_penalty": 3.0, "top_k": 3}
    (folder / "generation_config.json").write_text(json.dumps(habits))
    sampling, plain = load_vlm(str(folder)), load_vlm(str(llava))
    for allowed in (None, allowed_next):
        assert sampling.reply(tiny_vlms.picture(), PROMPT, allowed, 20) == plain.reply(
            tiny_vlms.picture(), PROMPT, allowed, 20
        )


def test_a_model_in_the_cache_is_found_by_name_without_the_network(
    llava: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "models--someone--tiny"
    shutil.copytree(llava, home / "snapshots" / ("0" * 40))
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0" * 40)
    assert load_vlm("someone/tiny").reply(tiny_vlms.picture(), PROMPT, allowed_next)
    with pytest.raises(PretrainedError, match="'someone/else' is no folder, and cannot be fetched"):
        load_vlm("someone/else")
    with pytest.raises(PretrainedError, match="no folder, and no name of a model"):
        load_vlm("no/such/folder")


def test_damage_and_other_kinds_are_one_clear_error(llava: Path, tmp_path: Path) -> None:
    def broken(name: str, change: Any) -> Path:
        folder = shutil.copytree(llava, tmp_path / name)
        change(folder)
        return folder

    def other_kind(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))

    def pickled(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        torch.save({}, folder / "pytorch_model.bin")

    def without_weights(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        weights.pop(next(name for name in weights if "projector" in name))
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    def adapter(folder: Path) -> None:
        (folder / "adapter_config.json").write_text("{}")

    def sound(folder: Path) -> None:
        named = {
            "audio_tokenizer": {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "x"}
        }
        (folder / "processor_config.json").write_text(json.dumps(named))

    def truncated(folder: Path) -> None:
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])

    def no_processor(folder: Path) -> None:
        (folder / "preprocessor_config.json").unlink()

    cases = {
        "is a 'bert', which does not answer": other_kind,
        "cannot be loaded": pickled,
        "lacks [0-9]+ weights, among them .*projector": without_weights,
        "holds an adapter": adapter,
        "names another model": sound,
        "cannot be loaded: ": truncated,
        "cannot be loaded:  ?": no_processor,
    }
    for i, (message, change) in enumerate(cases.items()):
        with pytest.raises(PretrainedError, match=message):
            load_vlm(str(broken(str(i), change)))


def test_code_that_comes_with_a_model_is_not_run(llava: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llava, tmp_path / "model")
    for file in ("config.json", "processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        said = json.loads((folder / file).read_text())
        said["auto_map"] = {kind: "mine.Mine" for kind in ("AutoConfig", "AutoModel", "AutoProcessor")}
        said["auto_map"] |= {"AutoTokenizer": ["mine.Mine", None], "AutoImageProcessor": "mine.Mine"}
        (folder / file).write_text(json.dumps(said))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: pass\n")
    assert load_vlm(str(folder)).reply(tiny_vlms.picture(), PROMPT, allowed_next)
    (folder / "config.json").write_text(json.dumps(said | {"model_type": "mine"}))
    with pytest.raises(PretrainedError):
        load_vlm(str(folder))
    assert not (tmp_path / "ran").exists()
