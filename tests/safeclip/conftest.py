"""The tiny CLIP in open_clip's format, a hub on this machine that the real client talks to, pictures to describe."""

import contextlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import torch
from safetensors.torch import load_file, save_file

from safeclip.runtime import hub

if TYPE_CHECKING:
    from safeclip.captioning.compare import Captioning

SHA = "0123456789abcdef0123456789abcdef01234567"


def to_open_clip(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A CLIPModel's tensors under open_clip's names: the inverse of what transformers' conversion script does."""
    out = {
        "logit_scale": weights["logit_scale"],
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "text_projection": weights["text_projection.weight"].T,
        "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
        "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
        "visual.proj": weights["visual_projection.weight"].T,
    }
    norms = {
        "text_model.final_layer_norm": "ln_final",
        "vision_model.pre_layrnorm": "visual.ln_pre",  # spelt so there
        "vision_model.post_layernorm": "visual.ln_post",
    }
    inside = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for tower, prefix in (("text_model", ""), ("vision_model", "visual.")):
        depth = 1 + max(int(key.split(".")[3]) for key in weights if key.startswith(f"{tower}.encoder.layers."))
        for i in range(depth):
            old, new = f"{tower}.encoder.layers.{i}", f"{prefix}transformer.resblocks.{i}"
            norms |= {f"{old}.{a}": f"{new}.{b}" for a, b in inside.items()}
            for kind in ("weight", "bias"):
                parts = [weights[f"{old}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
                out[f"{new}.attn.in_proj_{kind}"] = torch.cat(parts)
    for old, new in norms.items():
        for kind in ("weight", "bias"):
            out[f"{new}.{kind}"] = weights[f"{old}.{kind}"]
    return {key: tensor.contiguous() for key, tensor in out.items()}


def open_clip_config(clip: Path) -> dict:
    """The architecture of a checkpoint of transformers in open_clip's words."""
    config = json.loads((clip / "config.json").read_text())
    text, vision = config["text_config"], config["vision_config"]
    return {
        "embed_dim": config["projection_dim"],
        "quick_gelu": text.get("hidden_act", "quick_gelu") == "quick_gelu",
        "vision_cfg": {
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "patch_size": vision["patch_size"],
            "mlp_ratio": vision["intermediate_size"] / vision["hidden_size"],
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
            "mlp_ratio": text["intermediate_size"] / text["hidden_size"],
        },
    }


def write_open_clip(directory: Path, clip: Path, *, archive: bool = False, **changes) -> Path:
    """The checkpoint `clip` in open_clip's format, its tokenizer and image processor beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = to_open_clip(load_file(clip / "model.safetensors"))
    if archive:
        torch.save(weights, directory / "open_clip_pytorch_model.bin")
    else:
        save_file(weights, directory / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip_config(clip) | changes, "preprocess_cfg": {}}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    for path in (*clip.glob("tokenizer*"), clip / "preprocessor_config.json"):
        if path.parent != directory:
            shutil.copy(path, directory)
    return directory


@pytest.fixture(scope="session")
def tiny_open_clip(tiny_clip, tmp_path_factory) -> Path:
    return write_open_clip(tmp_path_factory.mktemp("open") / "clip", tiny_clip)


class Hub:
    """Repositories by their id: a folder of files, or the error code that the hub answers with instead."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.repositories: dict[str, Path | str] = {}
        self.downloads: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """A path as the hub's client asks for it → status, headers, body."""
        parts = urlsplit(path).path.strip("/").split("/")
        if parts == [""]:
            return 200, {}, b"hub"
        api = parts[:2] == ["api", "models"]
        id = "/".join(parts[2:4] if api else parts[:2])
        folder = self.repositories.get(id, "RepoNotFound")
        rest = parts[4:] if api else parts[2:]
        if isinstance(folder, str):
            if folder == "GatedRepo" and api and rest[:1] != ["auth-check"]:  # what is in it may be known to all
                files = [{"type": "file", "path": "config.json", "size": 2, "oid": "0"}]
                about = {"id": id, "sha": SHA, "gated": "auto", "siblings": []}
                return 200, {}, json.dumps(files if rest[:1] == ["tree"] else about).encode()
            return (403 if folder == "GatedRepo" else 404), {"X-Error-Code": folder}, b"{}"
        files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
        if api and rest[:1] == ["revision"] and rest[1] not in ("main", SHA):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if api and rest[:1] == ["tree"]:
            tree = [{"type": "file", "path": n, "size": f.stat().st_size, "oid": "0"} for n, f in files.items()]
            return 200, {}, json.dumps(tree).encode()
        if api:
            siblings = [{"rfilename": name, "size": file.stat().st_size} for name, file in files.items()]
            return 200, {}, json.dumps({"id": id, "sha": SHA, "gated": False, "siblings": siblings}).encode()
        name = "/".join(rest[2:])
        if name not in files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b"{}"
        return 200, {"ETag": f'"{name.replace("/", "-")}"', "X-Repo-Commit": SHA}, files[name].read_bytes()


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    """A hub that the real client talks to, with an empty cache."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._reply(body=False)

        def do_GET(self) -> None:
            self._reply(body=True)

        def _reply(self, *, body: bool) -> None:
            status, headers, content = served.answer(self.path)
            if body and "/resolve/" in self.path:
                served.downloads.append(self.path.rsplit("/", 1)[-1])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served = Hub(f"http://127.0.0.1:{server.server_port}")
    online(monkeypatch, served.address, tmp_path / "cache")
    yield served
    server.shutdown()
    server.server_close()


def online(monkeypatch, address: str, cache: Path) -> None:
    """Point everything that asks for the hub at `address`, and away from the user's cache."""
    import huggingface_hub.constants as constants

    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(hub, "_answers", {})


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """A hub whose port nobody listens to, with an empty cache."""
    online(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")


@pytest.fixture(scope="session")
def formats():
    """The makers above, for tests that need a variation."""
    from types import SimpleNamespace

    return SimpleNamespace(write=write_open_clip, convert=to_open_clip, config=open_clip_config)


@pytest.fixture(scope="module")
def captioning(talking_lab) -> "Captioning":
    return talking_lab.captioning


@pytest.fixture(scope="module")
def pictures(talking_lab):
    return [talking_lab.gallery.image(item.image_id) for item in talking_lab.gallery.items]
