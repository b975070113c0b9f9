"""Motions as animations: two runs side by side, as a GIF through Pillow or an MP4 where ffmpeg is."""

import io
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from figures._stage import Stage, stage
from figures.signature import SIGNATURE
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY
from simulations import Motion, Record, Records

FRAME = 80
"""Time of a frame (ms); of a GIF a multiple of 10."""

LAST = 2500
"""The last picture stays so long before the film starts anew (ms)."""

SHADES = 18
"""Of each colour in a GIF: fewer make smaller files, more make smoother lines."""


def beside(motion: Motion, records: Records) -> tuple[Record, Record]:
    """The two runs that are shown; raises `ValueError` where there are none."""
    scene, left = motion.scene, records.done
    for name in scene.sliders:
        values = sorted(set(left.column(name).tolist()))
        if name != scene.beside and values:
            left = left.where(**{name: values[len(values) // 2]})
    ordered = sorted(left, key=lambda record: record.parameters[scene.beside])
    if len(ordered) < 2 or ordered[0].parameters[scene.beside] == ordered[-1].parameters[scene.beside]:
        raise ValueError(f"records of {motion.study.name}: expected two values of {scene.beside} to be shown.")
    return ordered[0], ordered[-1]


def gif(motion: Motion, pair: tuple[Record, Record]) -> bytes:
    """The film as a GIF."""
    from PIL import Image

    made = stage(motion, pair)
    palette = Image.new("P", (1, 1))
    palette.putpalette(_palette())
    pictures = [Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE) for pixels in _pixels(made)]
    first, *rest = pictures
    content = io.BytesIO()
    durations = [FRAME] * len(rest) + [LAST]
    about = SIGNATURE.encode()
    first.save(content, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, comment=about)
    return content.getvalue()


def _palette() -> list[int]:
    """White, and every colour of the figures in shades: one palette for all frames, or colours would flicker."""
    shades = np.linspace(0, 1, SHADES)[1:, None]
    ramps = [1 - shades * (1 - np.array(to_rgb(color))) for color in (BLUE, ORANGE, GREEN, PURPLE, GREY, THEORY)]
    return np.rint(255 * np.concatenate([np.ones((1, 3)), *ramps])).astype(int).ravel().tolist()


def _pixels(made: Stage):
    """Every frame as an array [height, width, 3]: what stays is drawn once."""
    canvas = FigureCanvasAgg(made.figure)
    canvas.draw()
    still = canvas.copy_from_bbox(made.figure.bbox)
    renderer = canvas.get_renderer()
    for frame in range(made.frames):
        canvas.restore_region(still)
        made.show(frame)
        for artist in made.moving:
            artist.draw(renderer)
        yield np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def mp4(motion: Motion, pair: tuple[Record, Record]) -> bytes:
    """The film as an MP4 that browsers play; raises `ValueError`, with its last words, where ffmpeg fails."""
    frames = list(_pixels(stage(motion, pair)))
    raw = b"".join(frame.tobytes() for frame in frames)
    height, width, _ = frames[0].shape
    taken = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(1000 / FRAME), "-i", "-"]
    made = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-metadata", f"comment={SIGNATURE}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        command = ["ffmpeg", "-loglevel", "error", *taken, *made, str(path)]
        ended = subprocess.run(command, input=raw, capture_output=True, check=False)
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
            raise ValueError(f"format='mp4': expected an ffmpeg that writes H.264; this one says: {said[-1]:.200}")
        return path.read_bytes()


FILMS = {"gif": gif, "mp4": mp4}
