"""The page's profile, its device, and the profiles that cannot be used here, with the reasons."""

from typing import TYPE_CHECKING

from safeclip import preflight
from safeclip.errors import SafeClipError
from safeclip.profiles import Profile, list_profiles, load_profile
from safeclip.runtime.network import is_offline

if TYPE_CHECKING:
    from safeclip import Lab


def out_of_reach(current: Profile) -> dict[str, str]:
    """Profile name → why it cannot be used on this machine now; models that the `current` one lacks are named too."""
    reasons = {}
    for name in dict.fromkeys([current.name, *list_profiles()]):
        try:
            profile = current if name == current.name else load_profile(name)
        except SafeClipError as error:
            reasons[name] = str(error)
            continue
        if missing := preflight.out_of_reach(profile):
            where = "and there is no network to fetch them" if is_offline() else "they are fetched from the hub first"
            reasons[name] = f"Not on this machine: {', '.join(missing)}; {where}."
    return reasons


def device_name(lab: "Lab") -> str:
    """The device of the reference encoder, in words."""
    import torch

    try:
        device = lab.encoders.device_of(lab.encoders.reference)
    except SafeClipError as error:
        return f"unknown: {error}"
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "CPU" if device.type == "cpu" else device.type.upper()


def about(lab: "Lab") -> dict[str, object]:
    """The profile, its seats and what is out of reach, as plain JSON values."""
    profile = lab.profile
    try:
        gallery = {"items": len(lab.gallery), "license": lab.gallery.license, "categories": lab.gallery.categories()}
    except SafeClipError as error:
        gallery = {"error": str(error)}
    return {
        "profile": profile.name,
        "title": profile.title,
        "description": profile.description,
        "license": profile.license,
        "reference": profile.seats[0].key,
        "seats": [{"key": s.key, "label": s.label, "note": s.note} for s in profile.seats],
        "gallery": gallery,
        "device": device_name(lab),
        "offline": is_offline(),
        "out_of_reach": out_of_reach(profile),
    }
