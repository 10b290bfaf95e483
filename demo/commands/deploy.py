"""Command `deploy`: uploads this checkout to a Hugging Face Space, with the front matter for its hardware."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from safeclip.errors import HubError, ProfileError, first_line
from safeclip.paths import INSTALLED, root
from safeclip.profile_files import download_gb, hub_files
from safeclip.profiles import Profile, list_profiles, load_profile

# Everything that a checkout may hold beside what a Space runs. Hidden files go first: a .env holds secrets.
IGNORED = (
    *(".*", "*/.*", "venv/*", "env/*", "runs/*", "my/*", "dist/*", "build/*", "shared/*", "tests/*", "README.md"),
    *("*.egg-info/*", "**/__pycache__/*", "**/shards/*"),
)
MATURE = "not-for-all-audiences"
HARDWARE: Mapping[str, str] = {"cpu": "cpu-basic", "gpu": "l4x1", "zerogpu": "zero-a10g"}  # as SpaceHardware has them
PRICES = "https://huggingface.co/pricing"  # they change, so none is repeated here

_DOWNLOAD_GB_S = 0.1  # from the hub to a Space, cautiously
_START_SECONDS = 90.0  # of the container, and of importing torch


def main(argv: Sequence[str], program: str) -> int:
    """Creates the Space where there is none and uploads the checkout. Returns the exit status.

    Raises ProfileError for an unknown profile and HubError when the hub refuses.
    """
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("space", help="OWNER/NAME of the Space")
    parser.add_argument("--profile", default="emoji", help="name of a profile")
    parser.add_argument("--hardware", default="", help=f"{', '.join(HARDWARE)}; by default what the profile needs")
    parser.add_argument("--private", action="store_true", help="create the Space as a private one")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    options = parser.parse_args(argv)
    if INSTALLED or not (root() / "app.py").is_file():
        raise ProfileError(
            "A Space is deployed from a checkout of the repository, which holds app.py: there is none here."
        )
    profile = load_profile(options.profile)
    if profile.name not in list_profiles():
        raise ProfileError(
            f"{options.profile} is a profile of this machine, and a Space has those of the repository alone. Put it "
            "into safeclip/profiles and give its name; what it names must be in the repository or on the hub."
        )
    hardware = choose_hardware(profile, options.hardware)
    readme = with_front_matter((root() / "README.md").read_text(encoding="utf-8"), profile, hardware)
    print(estimate(profile, hardware))
    if not options.dry_run:
        upload(options.space, root(), readme, profile, private=options.private)
    return 0


def choose_hardware(profile: Profile, name: str = "") -> str:
    """The hub's name of the hardware, by default a CPU for models of the repository and a GPU for those of the hub."""
    if name and name not in HARDWARE:
        raise ProfileError(f"There is no hardware “{name}”. Choose one of: {', '.join(HARDWARE)}.")
    return HARDWARE[name or ("gpu" if hub_files(profile) else "cpu")]


def with_front_matter(readme: str, profile: Profile, hardware: str) -> str:
    """The README with the settings of a Space that runs this profile on this hardware.

    The embedded models may be shown to anyone; with published ones the tag for mature audiences is needed.
    """
    from huggingface_hub import RepoCard

    card = RepoCard(readme)
    published = [files.repository.id for files in hub_files(profile)]
    card.data["suggested_hardware"] = hardware
    card.data["models"] = published or None
    card.data["tags"] = [tag for tag in card.data["tags"] if tag != MATURE] + [MATURE] * bool(published)
    card.data["startup_duration_timeout"] = f"{max(30, round(start_seconds(profile) / 60 * 2))}m"
    return str(card)


def start_seconds(profile: Profile) -> float:
    """Seconds from a cold start to the first page, by the size of the downloads."""
    return _START_SECONDS + download_gb(profile) / _DOWNLOAD_GB_S


def estimate(profile: Profile, hardware: str) -> str:
    """Where the hub says what the hardware costs, and how long a cold start takes: an estimate from sizes."""
    return (
        f"{profile.title} on {hardware}: what that costs stands on {PRICES}. A cold start downloads "
        f"{download_gb(profile):.1f} GB and takes about {start_seconds(profile) / 60:.0f} min (estimated)."
    )


def upload(space: str, folder: Path, readme: str, profile: Profile, *, private: bool = False) -> None:
    """Uploads a checkout and sets the profile; the README comes last, as with it the Space is built."""
    from safeclip.runtime import hub

    client = hub.client()
    try:
        hub.make_repository(client, space, kind="space", sdk="gradio", private=private)
        client.add_space_variable(space, "SAFECLIP_PROFILE", profile.name)
        client.upload_folder(repo_id=space, repo_type="space", folder_path=folder, ignore_patterns=list(IGNORED))
        client.upload_file(
            repo_id=space, repo_type="space", path_in_repo="README.md", path_or_fileobj=readme.encode("utf-8")
        )
    except HubError:
        raise
    except Exception as error:  # the hub's client and its HTTP library each have errors of their own
        raise HubError(f"The Space {space} could not be written: {first_line(error)}") from error
    print(f"https://huggingface.co/spaces/{space}")
