"""Checkpoints: whole or not there."""

import pickle

import pytest
import torch

from engine.errors import TrainingError
from engine.training.checkpoints import load_checkpoint, save_checkpoint


def test_a_state_comes_back_as_it_was_saved(tmp_path):
    state = {"weights": torch.arange(6.0), "epoch": 3, "names": ["a"], "best": None}
    save_checkpoint(tmp_path / "new" / "state.pt", state)
    back = load_checkpoint(tmp_path / "new" / "state.pt")
    assert back is not None
    torch.testing.assert_close(back.pop("weights"), state.pop("weights"))
    assert back == state


def test_no_file_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "state.pt") is None


def test_a_kill_while_writing_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save_checkpoint(path, {"epoch": 1})
    real = torch.save

    def killed(state, file):
        real(state, file)
        file.truncate(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half"])
def test_a_damaged_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt: expected a training checkpoint"):
        load_checkpoint(path)


class Trap:
    def __reduce__(self):
        return print, ("code ran",)


def test_a_checkpoint_cannot_run_code(tmp_path, capsys):
    path = tmp_path / "state.pt"
    path.write_bytes(pickle.dumps({"trap": Trap()}, protocol=2))
    with pytest.raises(TrainingError):
        load_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match=r"state\.pt: the checkpoint can't be written"):
        save_checkpoint(tmp_path / "file" / "state.pt", {})
