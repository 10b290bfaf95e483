"""The look, as Gradio sees it: type from the system, ink on paper, hairlines; style.css does the rest."""

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, fonts, sizes

STATIC = Path(__file__).parent / "static"
SHEETS = ("style.css", "failures.css", "stage.css")

# (light, dark). Safe and unsafe are a blue and a vermilion that every common kind of colour blindness tells apart;
# a disc and a diamond say the same without colour.
PALETTE = {
    "paper": ("#f6f5f1", "#101216"),
    "surface": ("#fffefb", "#181b20"),
    "raised": ("#fffefb", "#3d434d"),
    "sunken": ("#eeece6", "#22262d"),
    "ink": ("#16181d", "#efede7"),
    "muted": ("#5c5f69", "#a5a8b1"),
    "line": ("#dfdcd4", "#31363f"),
    "safe": ("#0a68a6", "#6bbcf0"),
    "unsafe": ("#b44a00", "#ff9d5c"),
    "safe-soft": ("#e3eef6", "#16283a"),
    "unsafe-soft": ("#f9e9dc", "#37230f"),
}

_INK = colors.Color("#f6f5f1", "#eeece6", "#dfdcd4", "#c9c6be", "#a5a8b1", "#7c7f89", "#5c5f69", "#3c3f48", "#22262d",
                    "#181b20", "#101216", name="ink")  # fmt: skip
_SANS = ("Inter", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "system-ui", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


class Theme(gr.themes.Base):
    """Nothing is fetched: `fonts.Font` names a font and, unlike a bare string, brings no file with it."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=_INK,
            secondary_hue=_INK,
            neutral_hue=_INK,
            radius_size=sizes.radius_md,
            spacing_size=sizes.spacing_md,
            text_size=sizes.text_md,
            font=[fonts.Font(name) for name in _SANS],
            font_mono=[fonts.Font(name) for name in _MONO],
        )
        self.name = "safe-clip"
        pairs = {
            "body_background_fill": "paper",
            "background_fill_primary": "surface",
            "background_fill_secondary": "sunken",
            "body_text_color": "ink",
            "body_text_color_subdued": "muted",
            "block_background_fill": "surface",
            "block_label_text_color": "muted",
            "block_title_text_color": "muted",
            "border_color_primary": "line",
            "border_color_accent": "ink",
            "input_background_fill": "surface",
            "input_border_color": "line",
            "input_border_color_focus": "ink",
            "button_primary_background_fill": "ink",
            "button_primary_background_fill_hover": "muted",
            "button_primary_text_color": "paper",
            "button_secondary_background_fill": "sunken",
            "button_secondary_text_color": "ink",
            "checkbox_background_color_selected": "ink",
            "checkbox_border_color": "line",
            "checkbox_border_color_selected": "ink",
            "checkbox_label_background_fill": "surface",
            "checkbox_label_background_fill_selected": "ink",
            "checkbox_label_text_color": "ink",
            "checkbox_label_text_color_selected": "paper",
            "slider_color": "ink",
            "link_text_color": "ink",
        }
        values = {}
        for name, colour in pairs.items():
            values[name], values[f"{name}_dark"] = PALETTE[colour]
        self.set(
            **values,
            block_border_width="0px",
            block_shadow="none",
            block_padding="0px",
            block_label_border_width="0px",
            button_large_radius="999px",
            button_medium_radius="999px",
            button_border_width="0px",
            input_shadow="none",
            input_shadow_focus="none",
            layout_gap="16px",
            form_gap_width="0px",
        )


def palette() -> str:
    """The palette as custom properties: light, and dark under the class that Gradio sets."""
    light, dark = ("".join(f"--sc-{name}:{pair[i]};" for name, pair in PALETTE.items()) for i in (0, 1))
    return f":root{{{light}}}\n.dark{{{dark}}}\n"


def style() -> str:
    """The palette and the style sheets: the content of a <style> element.

    It is not launch()'s `css`, which Gradio rewrites rule by rule and thereby drops what stands above its container.
    """
    return palette() + "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SHEETS)
