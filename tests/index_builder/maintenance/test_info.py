"""What `info` says, and that it needs no encoder."""

import json

import index_builder.workspace


def test_a_gallery_and_its_indexes_are_described_without_loading_an_encoder(world, monkeypatch, capsys):
    monkeypatch.setattr(index_builder.workspace, "EncoderSet", None)
    capsys.readouterr()
    assert world.command("info") == 0
    shown = capsys.readouterr().out
    assert "8 images in 1 files" in shown and "1 unsafe" in shown and "labelled by column unsafe: 8" in shown
    assert "index ours: IDMap,SQfp16" in shown and "8 images in" in shown and "6 shards" in shown
    assert world.command("info", "--json") == 0
    about = json.loads(capsys.readouterr().out)
    assert about["gallery"]["rows"] == 8 and about["store"]["removed"] == 0
    assert about["indexes"]["safe"]["files"]["images.faiss"]["recall@10"] == {"text": 1.0, "image": 1.0}
    (world.output / "safe" / "manifest.json").unlink()
    assert world.command("info") == 0
    assert "index safe: " in (shown := capsys.readouterr().out) and "no manifest" in shown
