"""fsc.train and fsc.evaluate against the built programs: results, overrides, failures, interruptions."""
import contextlib
import io
import os
import pathlib
import signal
import threading
import time
import unittest

import fsc
from world import InWorld


class Calls(InWorld):
    def test_trains_and_scores_and_reads_the_run(self):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            run = fsc.train("config.yaml", output__dir="runs/a", optim__lr=1e-5, loss__name="clip", negatives__source="none",
                            model__lock_text=False, 
                            **{"train.seed": 7})
        self.assertIn("step 4/4", shown.getvalue())
        self.assertEqual(run.path, pathlib.Path("runs/a"))
        self.assertEqual(run.status, "finished")
        self.assertEqual([line["step"] for line in run.metrics], [1, 2, 3, 4])
        self.assertEqual(run.option("train.seed"), "7")
        self.assertEqual(float(run.option("optim.lr")), 1e-5)
        self.assertIn("\nloss:\n  name: clip\n", run.config)
        self.assertEqual([checkpoint.step for checkpoint in run.checkpoints][-1], 4)
        self.assertEqual(run.model, run.path / "model.safetensors")
        self.assertIsNone(run.results)

        with contextlib.redirect_stdout(shown):
            one = fsc.evaluate(run, "suite.yaml", tasks=["zeroshot"], batch_size=16)
            both = fsc.evaluate([run, run.checkpoints[0]], "suite.yaml", tasks=["zeroshot"], output="both")
        self.assertEqual(set(one["tasks"]), {"zeroshot"})
        self.assertEqual(run.results, one)
        self.assertEqual(list(both), ["runs/a", str(run.checkpoints[0].path)])
        self.assertEqual(both["runs/a"]["tasks"], one["tasks"])

    def test_a_probe_makes_a_guard_and_a_front(self):
        pathlib.Path("probe.yaml").write_text(
            "tasks:\n  - {name: sugarcrepe, root: world/sugarcrepe, images: world/images/test}\n  - {name: zeroshot, root: world/zeroshot}\n")
        run = fsc.train("config.yaml", echo=False, output__dir="runs/guard", guard__every_steps=4, guard__items=20, guard__budget=1,
                        guard__suite=pathlib.Path("probe.yaml"))
        self.assertEqual([probe["step"] for probe in run.guard][0], 0)
        self.assertTrue(run.front)
        for point in run.front:
            self.assertIn(point["step"], [probe["step"] for probe in run.guard])
        self.assertEqual(run.front, sorted(run.front, key=lambda point: point["composition"]))

    def test_a_failure_has_the_programs_own_words_and_code(self):
        with self.assertRaisesRegex(fsc.Error, r"optim\.lr: expected number > 0") as caught:
            fsc.train("config.yaml", optim__lr=-1, echo=False)
        self.assertEqual(caught.exception.code, 2)
        with self.assertRaisesRegex(fsc.Error, "cannot read nowhere.yaml"):
            fsc.train("nowhere.yaml", echo=False)
        with self.assertRaisesRegex(fsc.Error, "^fsc-eval: .*nowhere"):
            fsc.evaluate("nowhere", "suite.yaml", echo=False)

    def test_the_stop_button_saves_and_resume_goes_on(self):
        def press_stop():
            log = pathlib.Path("runs/stop/metrics.jsonl")
            while not (log.exists() and log.stat().st_size):
                time.sleep(0.05)
            self.assertEqual(fsc.Run("runs/stop").status, "running")
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=press_stop, daemon=True).start()
        changes = {"output.dir": "runs/stop", "train.max_steps": 60, "train.epochs": 10}
        with self.assertRaises(fsc.Interrupted) as caught:
            fsc.train("config.yaml", echo=False, **changes)
        run = caught.exception.run
        self.assertEqual((run.path, run.status, caught.exception.code), (pathlib.Path("runs/stop"), "stopped", 75))
        self.assertLess(run.checkpoints[-1].step, 60)
        run = fsc.train("config.yaml", resume="auto", echo=False, **changes)
        self.assertEqual((run.status, run.metrics[-1]["step"]), ("finished", 60))


if __name__ == "__main__":
    unittest.main()
