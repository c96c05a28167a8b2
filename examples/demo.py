"""The main job on one photo: scores before and after, the recipe in words, and a before|after picture.

Run ``python examples/demo.py [PHOTO]``; what it makes lies in ``out/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import camofilter

HERE = Path(__file__).parent


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "photos" / "budgie_perched-osprey.jpg"
    folder = HERE.parent / "out"
    folder.mkdir(exist_ok=True)

    photo = camofilter.open_photo(source)
    result = camofilter.camouflage(photo)
    camouflaged = folder / f"{source.stem}.camo.jpg"
    camofilter.save_photo(result.photo, camouflaged, force=True)

    side_by_side = np.concatenate([photo.pixels, result.photo.pixels], axis=1)
    picture = folder / f"{source.stem}.before-after.png"
    camofilter.save_photo(camofilter.Photo.from_array(side_by_side), picture, force=True)

    after = camofilter.score(camofilter.open_photo(camouflaged))
    print(f"{source.name} → {camouflaged.name}, {result.seconds:.1f} s")
    print(f"score {result.score_before:.1f} → {after:.1f} of 100 by {result.target}, threshold {result.threshold:g}")
    print(f"recipe: {result.recipe.in_words()}")
    print(f"before|after: {picture.relative_to(HERE.parent)}")
    if after >= result.threshold:
        sys.exit("not below the threshold")


if __name__ == "__main__":
    main()
