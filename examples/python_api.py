"""The Python API in five lines; ``python examples/python_api.py PHOTO``."""

import sys

import camofilter

photo = camofilter.open_photo(sys.argv[1])
warm = camofilter.apply(photo, "warm", strength=0.8)
result = camofilter.camouflage(warm, threshold=50)
print(result.score_before, result.score_after, result.recipe.to_json())
camofilter.save_photo(result.photo, "photo.camo.png", force=True)
