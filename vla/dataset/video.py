"""Camera pictures as H.264 in MP4: encode an episode, join episodes without re-encoding, decode by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream as AvVideoStream
from numpy.typing import NDArray

from vla.dataset.schema import DatasetError

TOLERANCE_S = 1e-4
# A key frame every second picture makes any time cheap to seek to; without B-frames a packet's decoding
# time is its presentation time, so that files join by adding offsets. One thread: same bytes on any machine.
_ENCODER = {"preset": "veryfast", "crf": "19", "g": "2", "bf": "0", "threads": "1"}


def encode(path: Path, images: NDArray[np.uint8], fps: int) -> None:
    """Write uint8 RGB images of shape (L, H, W, 3), H and W even, as one yuv420p H.264 MP4 at ``fps``."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options=_ENCODER)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(stream.encode())


def codec_parameters(path: Path) -> bytes:
    """The decoder set-up bytes of a video; files join only where these agree.

    Raises:
        DatasetError: the file is missing or is not a video.
    """
    with _open(path) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


def join(parts: Sequence[Path], lengths: Sequence[int], path: Path, fps: int) -> None:
    """Copy the pictures of ``parts`` one after another into ``path``, without re-encoding.

    Part k, of ``lengths[k]`` pictures, begins exactly at ``sum(lengths[:k]) / fps`` seconds.

    Raises:
        DatasetError: a part is missing, unreadable or does not hold as many pictures as said.
    """
    tick = Fraction(1, fps)
    first = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as target:
        stream: AvVideoStream | None = None
        for part, length in zip(parts, lengths, strict=True):
            with _open(part) as source:
                origin = source.streams.video[0]
                if stream is None:
                    stream = target.add_stream_from_template(origin)
                    stream.time_base = tick
                count = 0
                for packet in source.demux(origin):
                    if packet.size == 0:
                        continue
                    packet.stream = stream
                    packet.time_base = tick
                    packet.pts = packet.dts = first + count
                    packet.duration = 1
                    target.mux(packet)
                    count += 1
            if count != length:
                raise DatasetError(f"{part} holds {count} pictures, expected {length}")
            first += length


class VideoReader:
    """Decodes one video by time; reading forwards never decodes a picture twice. A context manager.

    Args:
        path: A video file that PyAV can read.
        tolerance_s: Largest distance between an asked time and a picture's time.

    Raises:
        DatasetError: the file is missing or is not a video.
    """

    def __init__(self, path: Path, tolerance_s: float = TOLERANCE_S) -> None:
        self.path = path
        self._tolerance_s = tolerance_s
        self._container = _open(path)
        self._stream = self._container.streams.video[0]
        self._reformatter = VideoReformatter()
        self._frames: Iterator[VideoFrame] = self._container.decode(self._stream)
        self._current: VideoFrame | None = None

    def read(self, times_s: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Pictures at ascending times in seconds, as uint8 RGB of shape (len(times_s), H, W, 3).

        Raises:
            DatasetError: no picture lies within the tolerance of a time, or the file is damaged.
        """
        out = np.empty(
            (len(times_s), self._stream.codec_context.height, self._stream.codec_context.width, 3), np.uint8
        )
        try:
            self._approach(float(times_s[0]) if len(times_s) else 0.0)
            for row, time_s in enumerate(times_s):
                frame = self._at(float(time_s))
                out[row] = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        except FFmpegError as error:
            raise DatasetError(f"{self.path} is damaged near {row_time(times_s)}: {error}") from error
        return out

    def close(self) -> None:
        """Close the file; twice is fine."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _approach(self, time_s: float) -> None:
        now_s = -1.0 if self._current is None else _time_s(self._current)
        # Going back needs a seek; so does a long way ahead, which decoding would only waste time on.
        if (now_s < 0 and time_s < 1.0) or now_s - self._tolerance_s <= time_s <= now_s + 1.0:
            return
        target = int(max(time_s - self._tolerance_s, 0.0) / self._time_base)
        self._container.seek(target, stream=self._stream, backward=True, any_frame=False)
        self._frames = self._container.decode(self._stream)
        self._current = None

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, 1)

    def _at(self, time_s: float) -> VideoFrame:
        while self._current is None or _time_s(self._current) < time_s - self._tolerance_s:
            self._current = next(self._frames, None)
            if self._current is None:
                raise DatasetError(f"{self.path} ends before {time_s:.4f} s: it is truncated or too short")
        found_s = _time_s(self._current)
        if found_s > time_s + self._tolerance_s:
            raise DatasetError(
                f"{self.path} has no picture at {time_s:.4f} s (within {self._tolerance_s} s); "
                f"the next is at {found_s:.4f} s"
            )
        return self._current


def row_time(times_s: NDArray[np.floating]) -> str:
    """Words for a span of times, for messages."""
    return f"{times_s[0]:.3f}..{times_s[-1]:.3f} s" if len(times_s) else "nothing"


def _time_s(frame: VideoFrame) -> float:
    return -1.0 if frame.time is None else float(frame.time)


def _open(path: Path) -> InputContainer:
    if not path.is_file():
        raise DatasetError(f"{path} is missing")
    try:
        container = av.open(str(path), "r")
    except FFmpegError as error:
        raise DatasetError(f"{path} is not a readable video (truncated?): {error}") from error
    if not container.streams.video:
        container.close()
        raise DatasetError(f"{path} holds no video stream")
    return container
