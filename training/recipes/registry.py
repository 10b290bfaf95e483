"""Recipes by name. A new one is a module in this package and one line of RECIPES; its TOML names it as `recipe`."""

import importlib
from pathlib import Path

from safeclip.errors import ProfileError
from safeclip.schema import parse, read_table

from ..engine.job import Job
from ..engine.recipe import BaseRecipe

FOLDER = Path(__file__).parent

RECIPES = {  # name → class of this package's module, imported when it is asked for
    "clip": "clip:ClipTraining",
    "diffusion": "diffusion:DiffusionTraining",
    "judge": "judge:JudgeTraining",
    "llava": "llava:LlavaTraining",
    "open_clip": "open_clip:OpenClipTraining",
    "safe_clip": "safe_clip:SafeClipTraining",
    "text_tower": "text_tower:TextTowerTraining",
    "uwm": "uwm:WeightNegation",
    "vae": "vae:VaeTraining",
}


def job_type(name: str) -> type[Job]:
    """The job of a recipe's name. Raises KeyError for an unknown one."""
    module, attribute = RECIPES[name].split(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)


def recipe_names() -> list[str]:
    """The names of the recipes that come with this package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find_recipe(name: str | Path) -> Path:
    """The TOML file of a recipe: a path, or the name of one in this package, with or without its suffix.

    Raises ProfileError when there is neither.
    """
    own = FOLDER / f"{str(name).removesuffix('.toml')}.toml"
    for path in (Path(name), own):
        if path.is_file():
            return path
    known = ", ".join(recipe_names())
    raise ProfileError(f"{name}: there is no such recipe. Give the path of a TOML file, or one of: {known}.")


def load_recipe(path: Path) -> tuple[type[Job], BaseRecipe]:
    """The job that a recipe file names, and the recipe.

    Raises ProfileError when the file cannot be read, names no known job, or has a key too many, too few or of a
    wrong type.
    """
    table = read_table(path, "recipe")
    name = table.get("recipe")
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise ProfileError(f"{path}: the key “recipe” is {name!r}; it must name one of: {known}.")
    found = job_type(name)
    return found, parse(found.recipe_type, table, file=path)
