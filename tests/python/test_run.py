"""fsc.Run on folders as they are met: empty, half written, with checkpoints that are none to go on from."""
import pathlib
import tempfile
import unittest

import fsc


class Folders(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.run_ = fsc.Run(self.path)

    def test_a_folder_without_a_run_is_empty(self):
        self.assertEqual(fsc.Run(self.path / "nowhere").status, "empty")
        self.assertEqual(self.run_.status, "empty")
        self.assertEqual((self.run_.metrics, self.run_.guard, self.run_.front, self.run_.checkpoints), ([], [], [], []))
        self.assertEqual((self.run_.pareto, self.run_.results, self.run_.model), (None, None, None))

    def test_a_line_that_is_being_written_is_left_out(self):
        (self.path / "metrics.jsonl").write_text('{"step":1,"loss":2.5}\n{"step":2,"loss":2')
        self.assertEqual(self.run_.metrics, [{"step": 1, "loss": 2.5}])
        (self.path / "metrics.jsonl").write_text('{"step":1,"loss":2.5}\n{"step":2,"loss":2}\n')
        self.assertEqual(len(self.run_.metrics), 2)

    def test_checkpoints_come_by_step_and_left_or_damaged_ones_do_not(self):
        for name in ("step_10", "step_9", "step_3.damaged", "left_at_step_2", ".step_11.tmp"):
            (self.path / "checkpoints" / name).mkdir(parents=True)
        self.assertEqual([checkpoint.step for checkpoint in self.run_.checkpoints], [9, 10])

    def test_a_run_that_has_begun_is_stopped_until_its_model_is_there(self):
        (self.path / "config.yaml").write_text("optim:\n  lr: 1\n")
        (self.path / ".lock").touch()
        self.assertEqual(self.run_.status, "stopped")
        (self.path / "lora.safetensors").touch()
        self.assertEqual(self.run_.status, "finished")
        self.assertEqual(repr(self.run_), f"fsc.Run({str(self.path)!r}): finished")


if __name__ == "__main__":
    unittest.main()
