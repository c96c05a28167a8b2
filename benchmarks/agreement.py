"""All shipped judges side by side, as in docs/judges.md: agreement with people, costs, who errs alike, how they fall.

``python benchmarks/agreement.py RATED PRISTINE [--photos FOLDER] [--judges NAME,NAME:WEIGHTS] [--page docs/judges.md]``

RATED is a csv file of photos and people's scores, as ``camofilter train`` reads it, all of whose photos are judged, or
a folder with a ``mos.csv``, of which those of the split "test" are. Photos are judged as they are, without JPEG.
PRISTINE is a folder with a dozen or so undistorted photos, larger than the judges' input, for the ladders of damage.

Every score is kept in the cache, a file a judge: what was stopped goes on, a judge that is added costs only its own
time, and one that has changed is heard anew. Judges can be heard by several processes at once (--judges) before one
prints the tables. Times are always taken anew: nothing else should run then. --page puts the tables, but for the
ladders' scores, between the marks of a page.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import keep, machine, markdown
from targets import costs

from camofilter import biqa
from camofilter.biqa.fit import fit
from camofilter.biqa.target import Target, default_frame
from camofilter.biqa.training.agreement import cells, figures, intervals
from camofilter.biqa.training.ratings import Rated, read
from camofilter.biqa.training.robustness import Fall, reduction, robustness, table
from camofilter.photo import open_photo

SHIPPED = [name for name, known in biqa.KNOWN.items() if known.version is not None]  # those of before among them
MARKS = "<!-- benchmarks/agreement.py -->", "<!-- its end -->"
SIZES = {"own size": False, "full size": True}  # at which photos are damaged
LIKED, HIDDEN = 65, 50  # pristine photos should have so many points, badly damaged ones fewer than so many
BADLY = {"white noise": 0.12, "JPEG": 8, "gaussian blur": 3, "flatness": 0.22, "underexposure": -3}


class Remembered(Target):
    """A judge whose scores are kept in a file by what it was shown, of one image at a time.

    Args:
        judge: whose scores they are.
        path: of the file, a digest and a score a line; one in which the judge does not find its opinion of an image of
            noise is of an earlier version of it, and begun anew.
    """

    def __init__(self, judge: Target, path: Path) -> None:
        self.name, self.scale, self._judge, self._path = judge.name, judge.scale, judge, path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # without what was cut off
        self._known = {digest: float(score) for digest, score in map(str.split, whole.splitlines())}
        width, height = judge.frame(3, 2)
        noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
        digest, opinion = _digest(noise), self._asked(noise)
        if self._known and not abs(self._known.get(digest, np.nan) - opinion) < 0.01:
            print(f"{self.name} is another than in {path.name}: heard anew", file=sys.stderr)
            self._known.clear()
        path.write_text(whole if self._known else "", encoding="utf-8")
        if not self._known:
            self._keep(digest, opinion)

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """The judge's."""
        return self._judge.frame(width, height)

    def score(self, image: torch.Tensor) -> torch.Tensor:
        """The judge's score of a 1×3×H×W image."""
        digest = _digest(image)
        if digest not in self._known:
            self._keep(digest, self._asked(image))
        return torch.tensor([self._known[digest]])

    def to(self, device: str) -> Target:
        """The judge itself there."""
        return self._judge.to(device)

    def _keep(self, digest: str, score: float) -> None:
        self._known[digest] = score
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{digest} {score!r}\n")

    def _asked(self, image: torch.Tensor) -> float:
        with torch.inference_mode():
            return float(self._judge.checked(image))


def _digest(image: torch.Tensor) -> str:
    return hashlib.blake2b(image.contiguous().numpy().tobytes(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Heard:
    """What was found of a judge.

    Attributes:
        judge: itself.
        points: of each rated photo, on people's scale: from 0 to 100, hidden below 50.
        falls: along the ladders of damage, by size, in the judge's own scores.
        costs: milliseconds of a score and of its gradient, size of its input, megabytes of its weights.
    """

    judge: Target
    points: np.ndarray
    falls: Mapping[str, list[Fall]]
    costs: Mapping[str, Any]

    def strict(self, size: str) -> dict[str, bool]:
        """Whether it falls at every step, by the name of the damage."""
        return {fall.distortion: fall.is_strict(falls=self.judge.scale.falls) for fall in self.falls[size]}

    def aims(self, size: str) -> dict[str, tuple[float, bool]]:
        """Mean points of the pristine photos and of badly damaged ones, and whether they are what they should be."""
        falls = {fall.distortion: fall for fall in self.falls[size]}
        pristine = in_points(falls[next(iter(BADLY))].scores[0], self.judge.scale)
        found = {"pristine": (pristine, pristine >= LIKED)}
        for name, amount in BADLY.items():
            damaged = in_points(falls[name].at(amount), self.judge.scale)
            found[f"{name} {amount:g}"] = damaged, damaged < HIDDEN
        return found


def main() -> None:
    options = _options()
    rated = (
        [photo for photo in read(options.rated / "mos.csv") if photo.split == "test"]
        if options.rated.is_dir()
        else read(options.rated, options.photos)
    )
    people = np.array([photo.score for photo in rated])
    pristine = sorted(path for path in options.pristine.iterdir() if path.suffix in (".png", ".jpg"))
    options.cache.mkdir(parents=True, exist_ok=True)
    judges = {name: heard(name, rated, pristine, options.cache) for name in biqa.exact(options.judges)}
    about = {
        "rated": options.rated.name,
        "photos": len(rated),
        "above 50": float(np.mean(people > 50)),
        "pristine": len(pristine),
        "times smaller after damage at full size": round(_smaller(pristine), 2),
        "threads": torch.get_num_threads(),
    }
    tables = page(judges, people, about)
    print(tables)
    for name, judge in judges.items():
        for size in SIZES:
            print(f"\n{name}, damaged at {size}:\n\n{table(judge.falls[size], falling=judge.judge.scale.falls)}")
    if options.page:
        before, after = (options.page.read_text(encoding="utf-8").split(mark) for mark in MARKS)
        options.page.write_text(f"{before[0]}{MARKS[0]}\n\n{tables}\n\n{MARKS[1]}{after[1]}", encoding="utf-8")
    alike = [dict(zip(judges, row, strict=True)) for row in errors(judges.values(), people).round(3).tolist()]
    kept = {name: for_machines(judge, people, row) for (name, judge), row in zip(judges.items(), alike, strict=True)}
    keep("agreement", about | {"judges": kept})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rated", type=Path)
    parser.add_argument("pristine", type=Path)
    parser.add_argument("--photos", type=Path, help="the folder of the csv's photos; by default its own")
    parser.add_argument("--judges", type=lambda text: text.split(","), default=SHIPPED)
    parser.add_argument("--cache", type=Path, default=Path("out/scores"), help="by default out/scores")
    parser.add_argument("--page", type=Path, help="a page with the marks that say where the tables go")
    return parser.parse_args()


def heard(name: str, rated: Sequence[Rated], pristine: Sequence[Path], cache: Path) -> Heard:
    """What is found of a judge, by NAME or NAME:WEIGHTS, whose scores are kept in the cache."""
    judge = biqa.get(name)
    remembered = Remembered(judge, cache / f"{name.replace('/', '-')}.txt")
    print(f"{name}: {len(rated)} rated photos", file=sys.stderr)
    points = np.array([in_points(_score(photo.photo, remembered), judge.scale) for photo in rated])
    print(f"{name}: ladders of {len(pristine)} photos", file=sys.stderr)
    falls = {size: robustness(remembered, pristine, full_size=full_size) for size, full_size in SIZES.items()}
    return Heard(judge, points, falls, costs(judge) | {"megabytes": _megabytes(name)})


def _score(path: Path, judge: Target) -> float:
    photo = open_photo(path)
    return float(judge.score(biqa.as_image(fit(photo.pixels, judge.frame(photo.width, photo.height)))))


def in_points(score: float, scale: biqa.Scale) -> float:
    """A score on people's scale: from 0 to 100, hidden below 50."""
    return 50 + scale.margin(score) * scale.points


def _megabytes(name: str) -> float | None:
    """Of the weights that come with camofilter, or of the file that was given."""
    known, _, given = name.partition(":")
    folder = Path(biqa.__file__).parent / "weights"
    shipped = [folder / f"{stem}.safetensors" for stem in (known.replace("@", "_"), known.partition("@")[0])]
    found = next((path for path in ([Path(given)] if given else shipped) if path.is_file()), None)
    return round(found.stat().st_size / 1e6, 2) if found else None


def _smaller(photos: Sequence[Path]) -> float:
    """How many times the photos are reduced after damage at full size, in the mean."""
    sizes = [(photo.width, photo.height) for photo in map(open_photo, photos)]
    return float(np.mean([reduction(*size, default_frame(*size)) for size in sizes]))


def page(judges: Mapping[str, Heard], people: np.ndarray, about: Mapping[str, Any]) -> str:
    """All tables, each below what it tells."""
    return f"""## Agreement with people

{len(people)} photos of {about["rated"]}, as they are; people put {about["above 50"]:.1%} above 50. In brackets 95 %
intervals by the bootstrap over photos. Scores are brought to people's scale by their range and threshold alone.

{agreement_table(judges, people)}

## Costs

One photo at a time, in process, float32, {about["threads"]} thread(s) of {machine()["processor"]}; medians.

{costs_table(judges)}

## Who errs alike

Correlation of the errors of the judges on these photos, after a straight line from each one's scores to people's.

{errors_table(judges, people)}

## Badly damaged photos

Mean points of {about["pristine"]} undistorted photos, damaged as they fill the input / at full size and then made
{about["times smaller after damage at full size"]:g} times smaller; blur in pixels of a photo 512 wide. Untouched they
should have {LIKED} or more, damaged less than {HIDDEN}: **bold** is where that is missed.

{aims_table(judges)}

## Ladders of damage

Whether every step of damage lowers the mean of these photos, as they fill the input / at full size.

{strict_table(judges)}"""


def errors(judges: Iterable[Heard], people: np.ndarray) -> np.ndarray:
    """Correlations of the judges' errors.

    An error is what is left of people's score after a straight line through the judge's, so that neither another scale
    nor its stretch counts.
    """
    return np.asarray(np.corrcoef([people - np.polyval(np.polyfit(j.points, people, 1), j.points) for j in judges]))


def agreement_table(judges: Mapping[str, Heard], people: np.ndarray) -> str:
    """SROCC, PLCC, RMSE and right side of 50, each with its interval."""
    rows = [[name, cells(figures(j.points, people), intervals(j.points, people))] for name, j in judges.items()]
    return markdown(["judge", "SROCC", "PLCC", "RMSE", "right side of 50"], rows)


def costs_table(judges: Mapping[str, Heard]) -> str:
    """What a judge costs, one photo at a time."""
    rows = []
    for name, judge in judges.items():
        c = judge.costs
        megabytes = "–" if c["megabytes"] is None else f"{c['megabytes']:.2g}"
        rows.append([name, c["size"], f"{c['forward_ms']:.0f}", f"{c['forward_backward_ms']:.0f}", megabytes])
    return markdown(["judge", "input", "ms, score", "ms, score and gradient", "MB of weights"], rows)


def errors_table(judges: Mapping[str, Heard], people: np.ndarray) -> str:
    """How far judges err on the same photos."""
    correlations = np.atleast_2d(errors(judges.values(), people))
    rows = [[name, *(f"{value:.2f}" for value in row)] for name, row in zip(judges, correlations, strict=True)]
    return markdown(["errors", *judges], rows)


def aims_table(judges: Mapping[str, Heard]) -> str:
    """Mean points at both sizes, bold where an aim is missed."""
    rows = []
    for name, judge in judges.items():
        found = [judge.aims(size) for size in SIZES]
        texts = {aim: [f"{a[aim][0]:.0f}" if a[aim][1] else f"**{a[aim][0]:.0f}**" for a in found] for aim in found[0]}
        rows.append([name, *map(" / ".join, texts.values())])
    return markdown(["judge", *texts], rows)


def strict_table(judges: Mapping[str, Heard]) -> str:
    """Whether each ladder falls at every step, at both sizes."""
    rows = []
    for fall in next(iter(judges.values())).falls["own size"]:
        answers = [[judge.strict(size)[fall.distortion] for size in SIZES] for judge in judges.values()]
        rows.append([fall.distortion, *(" / ".join("yes" if a else "no" for a in pair) for pair in answers)])
    return markdown(["damage", *judges], rows)


def for_machines(judge: Heard, people: np.ndarray, errors: Mapping[str, float]) -> dict[str, Any]:
    """Everything that the tables say of a judge, and the scores along the ladders."""
    return {
        "agreement": asdict(figures(judge.points, people)),
        "intervals": intervals(judge.points, people),
        "errors, correlation": errors,
        "costs": judge.costs,
        "aims": {size: {aim: round(points, 2) for aim, (points, _) in judge.aims(size).items()} for size in SIZES},
        "strict": {size: judge.strict(size) for size in SIZES},
        "falls": {
            size: {f.distortion: dict(zip(f.amounts, np.round(f.scores, 2), strict=True)) for f in falls}
            for size, falls in judge.falls.items()
        },
    }


if __name__ == "__main__":
    main()
