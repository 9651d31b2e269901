"""The whole network: pictures, words and proprioception in, a chunk's velocity or its tokens out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from vla.models.action_expert import ActionExpert, ExpertConfig
from vla.models.action_tokens import ActionTokens
from vla.models.attention import mlp, waves
from vla.models.grounding import PLACES, Grounded, Grounding, GroundingConfig
from vla.models.text import TextConfig, TextEncoder
from vla.models.vit import ViT, ViTConfig


@dataclass(frozen=True)
class VLAConfig:
    """Sizes of :class:`VLA`; every part has the same width.

    Attributes:
        state: Proprioceptive scalars S.
        vision: The image encoder.
        text: The instruction encoder.
        grounding: The trunk.
        expert: The action expert; with ``bins`` it writes tokens, else it denoises.
        kinds: Kinds of things that :meth:`VLA.name` tells apart, "none" included.
        colours: Colours that it tells apart.
        state_noise: Standard deviation of the noise on the normalised state in training.
        state_dropout: Chance in training that a sample's joint axes are hidden from the network.
        place_noise_m: Standard deviation of the noise on the predicted places in training, in m, so that
            the expert does not trust them more than they deserve on unseen scenes.
    """

    state: int = 11
    vision: ViTConfig = field(default_factory=ViTConfig)
    text: TextConfig = field(default_factory=TextConfig)
    grounding: GroundingConfig = field(default_factory=GroundingConfig)
    expert: ExpertConfig = field(default_factory=ExpertConfig)
    kinds: int = 11
    colours: int = 8
    state_noise: float = 0.02
    state_dropout: float = 0.2
    place_noise_m: float = 0.004

    def __post_init__(self) -> None:
        widths = {self.vision.width, self.text.width, self.grounding.width, self.expert.width}
        if len(widths) != 1:
            raise ValueError(f"vision, text, grounding and expert must share one width; got {sorted(widths)}")

    def with_width(self, width: int) -> VLAConfig:
        """The same network with every part ``width`` wide."""
        return replace(
            self,
            vision=replace(self.vision, width=width),
            text=replace(self.text, width=width),
            grounding=replace(self.grounding, width=width),
            expert=replace(self.expert, width=width),
        )


@dataclass(frozen=True)
class Context:
    """What was understood of an observation and its instructions.

    Attributes:
        memory: Tokens (B, K, D) the expert looks at, about instruction 0 of each sample.
        mask: (B, K) bool, True where a token is real.
        grounded: Beliefs about all M instructions.
        maps: Stride-8 feature maps (B, C, G, G, D) of the pictures, which know no instruction.
    """

    memory: Tensor
    mask: Tensor
    grounded: Grounded
    maps: Tensor


class VLA(nn.Module):
    """A vision-language-action network of about three million parameters."""

    def __init__(self, config: VLAConfig, droppable: tuple[int, ...] = ()) -> None:
        """Build with fresh weights.

        Args:
            config: Sizes.
            droppable: State axes that ``state_dropout`` hides; usually the joints.
        """
        super().__init__()
        self.config = config
        width = config.vision.width
        self.vision = ViT(config.vision)
        self.text = TextEncoder(config.text)
        self.body = mlp(config.state, width, width)
        self.grounding = Grounding(config.grounding, config.vision.cameras, config.vision.grid)
        self.expert = ActionTokens(config.expert) if config.expert.bins else ActionExpert(config.expert)
        self.kind = nn.Linear(width, config.kinds)
        self.colour = nn.Linear(width, config.colours)
        self.place = mlp(3 * (1 + 2 * 6) + config.vision.cameras, width, width)
        self.role = nn.Parameter(torch.randn(PLACES + 1, width) * 0.02)
        keep = torch.ones(config.state)
        keep[list(droppable)] = 0.0
        self.keep: Tensor
        self.register_buffer("keep", keep, persistent=False)

    def read(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Instruction ids (B, M, L) with a mask (B, M, L) -> features (B, M, L, D); may be cached."""
        batch = tokens.shape[:2]
        return self.text(tokens.flatten(0, 1), mask.flatten(0, 1)).unflatten(0, batch)

    def encode(self, images: Tensor, state: Tensor, tool: Tensor, text: Tensor, text_mask: Tensor) -> Context:
        """Look and read; the expert will act on instruction 0.

        Args:
            images: (B, C, H, W, 3), uint8 or floating point in 0..1.
            state: (B, S), normalised.
            tool: Tool position (B, 3) in m, robot base frame.
            text: Features of :meth:`read`, (B, M, L, D).
            text_mask: (B, M, L) bool, True on words.

        Returns:
            The context.
        """
        config = self.config
        if self.training:
            state = state + config.state_noise * torch.randn_like(state)
            hide = torch.rand(len(state), 1, device=state.device) < config.state_dropout
            state = torch.where(hide, state * self.keep, state)
        body = self.body(state)
        tokens, maps = self.vision(images)
        x, grounded = self.grounding(tokens, maps, text, text_mask, body)
        places = self._place_tokens(grounded, tool).to(x.dtype)
        memory = torch.cat([x[:, 0], (body + self.role[-1]).to(x.dtype)[:, None], places], dim=1)
        queries = config.grounding.queries
        mask = torch.ones(memory.shape[:2], dtype=torch.bool, device=memory.device)
        mask[:, queries : queries + text_mask.shape[2]] = text_mask[:, 0]
        return Context(memory=memory, mask=mask, grounded=grounded, maps=maps)

    def name(self, maps: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
        """What stands at some points of the pictures; teaches the image encoder shapes and colours.

        Args:
            maps: Of a context.
            uv: Points (B, C, E, 2) in 0..1 of each picture.

        Returns:
            Logits of the kinds (B, C, E, kinds) and of the colours (B, C, E, colours), float32.
        """
        batch, cameras = maps.shape[:2]
        channels_first = maps.flatten(0, 1).permute(0, 3, 1, 2).float()
        points = (uv.flatten(0, 1)[:, None] * 2 - 1).float()
        found = grid_sample(channels_first, points, padding_mode="border", align_corners=False)
        found = found.squeeze(2).transpose(1, 2).unflatten(0, (batch, cameras))
        return self.kind(found).float(), self.colour(found).float()

    def velocity(
        self, context: Context, noisy_actions: Tensor, time: Tensor, style: Tensor | None = None
    ) -> Tensor:
        """The expert's answer for one or several noisy chunks per sample.

        Args:
            context: Of B samples.
            noisy_actions: (B, T, A), or (B, R, T, A) for R chunks per sample; normalised.
            time: (B, T) or (B, R, T); a last axis of 1 gives all rows the same time.
            style: (B, latent), where the expert has a style variable; None is its mean.

        Returns:
            Same shape as ``noisy_actions``, float32.

        Raises:
            TypeError: the expert writes tokens.
        """
        if not isinstance(self.expert, ActionExpert):
            raise TypeError("an expert with bins writes tokens; it has no velocity")
        single = noisy_actions.ndim == 3
        if single:
            noisy_actions, time = noisy_actions[:, None], time[:, None]
        out = self.expert(noisy_actions, time, context.memory, context.mask, style)
        return out[:, 0] if single else out

    def _place_tokens(self, grounded: Grounded, tool: Tensor) -> Tensor:
        # Detached: the places are supervised by their labels; the action loss must not bend them.
        position = grounded.position[:, 0].detach()
        if self.training:
            position = position + self.config.place_noise_m * torch.randn_like(position)
        offset = position - tool[:, None]
        peak = grounded.heat[:, 0].detach().float().flatten(-2).softmax(-1).amax(-1)
        clues = torch.cat([5 * offset, waves(offset, 1.28, 0.04, 6), peak], dim=-1)
        return self.place(clues) + self.role[:PLACES]
