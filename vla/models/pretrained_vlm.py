"""Other people's vision-language models: transformers' image-text-to-text classes, from a folder or the hub.

No code that comes with a model is run, weights are safetensors, and pictures are prepared by Pillow and
numpy: torchvision is not needed. Models of these types are tested: LLaVA, SmolVLM, Qwen2-VL, Qwen2.5-VL,
Qwen3-VL, PaliGemma, Gemma 3. Others load where transformers has a processor class for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from vla.contract import ContractError
from vla.extras import needs
from vla.models.pretrained_clip import PretrainedError
from vla.models.spelling import Spelled, Speller, TokenTexts, render
from vla.models.vlm import AllowedNext
from vla.models.vlm_checkpoint import first_line, model_class, model_folder, processor_of

_TOKENS_PER_WORD: Final = 2
"""Of free speech; common words are one token each."""


class PretrainedVLM:
    """transformers' own class as a :class:`vla.models.vlm.VisionLanguageModel`; see :func:`load_vlm`.

    Args:
        model: An image-text-to-text model.
        processor: Makes its inputs of text and picture; has a ``tokenizer``.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        import transformers

        self._model, self._processor, self._tokenizer = model.eval(), processor, processor.tokenizer
        theirs = model.generation_config
        ends = theirs.eos_token_id if theirs.eos_token_id is not None else self._tokenizer.eos_token_id
        ends = list(ends) if isinstance(ends, list | tuple) else [] if ends is None else [ends]
        # A checkpoint's habits (sampling, a penalty on repetition) would make answers random or odd.
        model.generation_config = transformers.GenerationConfig(
            bos_token_id=theirs.bos_token_id,
            eos_token_id=ends or None,
            pad_token_id=next(iter(i for i in (theirs.pad_token_id, *ends, 0) if i is not None)),
        )
        self._texts: TokenTexts | None = None
        self._speller: tuple[AllowedNext, Speller] | None = None

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """See :class:`vla.models.vlm.VisionLanguageModel`; ``allowed`` is kept to the letter.

        Raises:
            ContractError: the picture is no picture, or ``max_words`` is below 1.
            SpellingError: the tokenizer cannot spell the grammar's words.
        """
        if max_words < 1:
            raise ContractError(f"max_words {max_words} must be at least 1")
        inputs = self.inputs(image, prompt)
        if allowed is None:
            found = self._generate(inputs, _TOKENS_PER_WORD * max_words).sequences[
                0, inputs["input_ids"].shape[1] :
            ]
            return " ".join(self._tokenizer.decode(found, skip_special_tokens=True).split()[:max_words])
        return self._guided(inputs, self._speller_of(allowed), max_words)

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """See :class:`vla.models.vlm.VisionLanguageModel`.

        A choice counts with and without a space in front and with a capital letter, whichever way the model
        would rather write it.

        Raises:
            ContractError: the picture is no picture, or a choice has no tokens.
        """
        inputs = self.inputs(image, prompt)
        spellings = [self._spellings(choice) for choice in choices]
        first = self._log_probabilities(inputs, ())[0]
        totals = [
            [
                float(first[ids[0]]) if len(ids) == 1 else self._log_probability(inputs, ids)
                for ids in spellings_of_one
            ]
            for spellings_of_one in spellings
        ]
        return np.array([np.logaddexp.reduce(total) for total in totals], np.float64)

    def inputs(self, image: NDArray[np.uint8], prompt: str) -> dict[str, Any]:
        """What the model's ``forward`` takes for a picture and a prompt: ``input_ids`` and more.

        Marks of the model's own (special tokens) in ``prompt`` are taken out.

        Raises:
            ContractError: ``image`` is not uint8 of shape (H, W, 3), or too small for the model.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ContractError(f"image is {image.dtype} {image.shape}, expected uint8 (H, W, 3)")
        with needs("images"):
            from PIL import Image
        text = self._chat(_plain(prompt, self._tokenizer))
        bos = self._tokenizer.bos_token
        # Templates write the first token themselves, and would get another one.
        options = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
        try:
            made = self._processor(
                text=[text], images=[Image.fromarray(image)], return_tensors="pt", **options
            )
        except ValueError as error:
            raise ContractError(f"the model cannot be shown an image of {image.shape}: {error}") from error
        return {
            name: value.to(self._model.device, self._model.dtype if value.is_floating_point() else None)
            for name, value in made.items()
            if name != "labels"
        }

    def _chat(self, prompt: str) -> str:
        """The prompt in the words of the model's chat template, with one mark where the picture goes."""
        mark = getattr(self._processor, "image_token", "<image>")
        if getattr(self._processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            return self._processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
        if getattr(self._tokenizer, "chat_template", None):
            turns = [{"role": "user", "content": f"{mark}\n{prompt}"}]
            return self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        if self._model.config.model_type == "paligemma":
            return f"{mark}{prompt}"
        return f"USER: {mark}\n{prompt}\nASSISTANT:"

    def _guided(self, inputs: dict[str, Any], speller: Speller, max_words: int) -> str:
        start = inputs["input_ids"].shape[1]
        spelled, length = Spelled(), start

        def follow(ids: torch.Tensor) -> Spelled:
            nonlocal spelled, length
            for token in ids[length:].tolist():
                spelled, length = speller.after(spelled, token), length + 1
            return spelled

        def stop(ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
            now = follow(ids[0])
            over = len(speller.words(now)) >= max_words or not speller.next_tokens(now)
            return torch.full((len(ids),), over, device=ids.device)

        self._generate(
            inputs,
            max_words * 64,
            prefix_allowed_tokens_fn=lambda _, ids: list(speller.next_tokens(follow(ids))),
            stopping_criteria=[stop],
        )
        return render(speller.words(spelled))

    def _speller_of(self, allowed: AllowedNext) -> Speller:
        if self._speller is None or self._speller[0] is not allowed:
            self._texts = self._texts or TokenTexts(self._tokenizer)
            self._speller = allowed, Speller(self._texts, allowed)
        return self._speller[1]

    def _spellings(self, choice: str) -> list[tuple[int, ...]]:
        ways = [choice, choice[:1].upper() + choice[1:]]
        ways += [f" {way}" for way in ways]
        found = {
            tuple(self._tokenizer.encode(way, add_special_tokens=False)) for way in ways if choice.strip()
        }
        found -= {()}
        if not found:
            raise ContractError(f"choice {choice!r} has no tokens")
        return sorted(found)

    def _log_probability(self, inputs: dict[str, Any], ids: tuple[int, ...]) -> float:
        rows = self._log_probabilities(inputs, ids[:-1])
        return float(sum(rows[i][token] for i, token in enumerate(ids)))

    def _log_probabilities(self, inputs: dict[str, Any], forced: tuple[int, ...]) -> torch.Tensor:
        """Of what follows the prompt and each of ``forced``: (1 + len(forced), vocabulary), float64."""
        start = inputs["input_ids"].shape[1]
        options: dict[str, Any] = {}
        if forced:
            # The last step may be anything: only its logits are looked at.
            ids = [[token] for token in forced] + [[forced[-1]]]
            options["prefix_allowed_tokens_fn"] = lambda _, said: ids[len(said) - start]
        found = self._generate(inputs, len(forced) + 1, output_logits=True, **options)
        return torch.stack([logits[0].double().log_softmax(-1) for logits in found.logits]).cpu()

    @torch.inference_mode()
    def _generate(self, inputs: dict[str, Any], most: int, **options: Any) -> Any:
        return self._model.generate(
            **inputs, max_new_tokens=most, do_sample=False, return_dict_in_generate=True, **options
        )


def load_vlm(name: str, device: str = "cpu") -> PretrainedVLM:
    """Load a vision-language model.

    What is on this machine is taken without asking anyone: a local folder, or what an earlier download left
    in Hugging Face's cache. Otherwise, unless ``HF_HUB_OFFLINE`` is set, it is fetched.

    Args:
        name: A local folder, or a model's name such as ``HuggingFaceTB/SmolVLM2-2.2B-Instruct``.
        device: Where to compute; numbers keep the checkpoint's precision.

    Raises:
        PretrainedError: it cannot be found or read, is another kind of model, or lacks weights.
        vla.extras.MissingExtra: transformers is not installed.
    """
    with needs("serve"):
        import transformers
        from safetensors import SafetensorError
    # Folders are foreign data: whatever transformers stumbles over in them is the folder's fault.
    faults = (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, SafetensorError)
    folder = model_folder(name)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
        kind = model_class(config.model_type)
        if kind is None:
            raise PretrainedError(
                f"model {name!r} is a {config.model_type!r}, which does not answer questions about pictures; "
                "known: llava, smolvlm, qwen2_vl, qwen2_5_vl, qwen3_vl, paligemma, gemma3 and their like"
            )
        processor = processor_of(folder, config)
        model, about = kind.from_pretrained(
            folder, dtype="auto", use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except ImportError as error:
        raise PretrainedError(
            f"model {name!r} needs a package that is not installed: {first_line(error)}; for pictures: "
            "pip install 'handily[images]', for a tokenizer without tokenizer.json: pip install sentencepiece"
        ) from error
    except PretrainedError:
        raise
    except faults as error:
        raise PretrainedError(f"model {name!r} cannot be loaded: {first_line(error)}") from error
    if about["missing_keys"]:
        some = ", ".join(sorted(about["missing_keys"])[:3])
        raise PretrainedError(f"model {name!r} lacks {len(about['missing_keys'])} weights, among them {some}")
    return PretrainedVLM(model.to(device), processor)


def _plain(prompt: str, tokenizer: Any) -> str:
    # Some processors shorten the tokenizer's own list of special tokens; what it recognises stays.
    marks = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for mark in sorted(marks, key=len, reverse=True):
        prompt = prompt.replace(mark, " ")
    return prompt
