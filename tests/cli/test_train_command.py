"""`lungrisk train`: what is asked for reaches the training."""

from pathlib import Path
from typing import Any

import pytest

import lungrisk.training
from lungrisk.cli.app import build
from lungrisk.cli.exits import run
from lungrisk.training.options import Options


def test_options_reach_the_training_and_what_is_not_given_is_the_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []

    def trained(source: Path, net: str, options: Options) -> Path:
        told.append((source, net, options))
        return options.output

    monkeypatch.setattr(lungrisk.training, "train", trained)
    words = ["train", str(tmp_path), "--net", "resnet3d-18", "-o", str(tmp_path / "b"), "-q"]
    more = "--folds 3 --epochs 7 --batch 4 --learning-rate 0.01 --patience 2 --threads 1 --seed 5 --years 6 --balanced --resume"
    assert run(build(), words) == 0
    assert run(build(), [*words, *more.split()]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'b'}\n" * 2
    assert told[0] == (tmp_path, "resnet3d-18", Options(output=tmp_path / "b"))
    assert told[1][2] == Options(
        output=tmp_path / "b", folds=3, epochs=7, batch=4, learning_rate=0.01, patience=2, threads=1, seed=5, years=6, balanced=True, resume=True,
    )  # fmt: skip
    assert run(build(), [*words, "--learning-rate", "0"]) == 2
