"""The façade: enroll pictures, recognise pictures; thin methods over the layers below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.bulk.sources import Source
from engine.recognizer.enrolling import Enrolling
from engine.recognizer.recognizing import Recognizing
from engine.recognizer.reembedding import Reembedding

if TYPE_CHECKING:
    from engine.evaluation.evaluation import Evaluation
    from engine.tuning.heads import HeadReport
    from engine.tuning.reports import CalibrationReport, SpaceReport


class Recognizer(Enrolling, Recognizing, Reembedding):
    """Recognises pictures of the classes enrolled in a gallery.

    Use `Recognizer.open`. An open recogniser may be shared by the threads of a process. Its
    backbone is loaded when the first picture is embedded.
    """

    def evaluate(
        self,
        queries: Source,
        unknown: Source | None = None,
        *,
        compare: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> Evaluation:
        """Measure how well this gallery recognises pictures whose labels are known.

        Args:
            queries: a folder of label folders, of files named by their labels, a manifest, or an
                iterable of `(label, image)`. Labels that aren't enrolled make strangers.
            unknown: pictures of things that aren't enrolled, whatever they are called. Without
                them, the enrolled classes take turns being unknown.
            compare: put the gallery beside simpler ways of comparing and deciding.
            progress: called with the number of pictures dealt with since its last call.

        Raises:
            EvaluationError: there is too little to measure on.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from engine.evaluation.evaluation import evaluate_gallery  # not needed to recognise

        return evaluate_gallery(
            self.gallery,
            self.features,
            queries,
            unknown,
            comparing=compare,
            progress=progress,
        )

    def calibrate(
        self,
        *,
        target_fpir: float | None = None,
        unknown: Source | None = None,
        queries: Source | None = None,
        unlabelled: bool = False,
        feedback: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> CalibrationReport:
        """Set the thresholds so that at most a share of all strangers gets any label.

        Args:
            target_fpir: that share, in (0, 1); by default the gallery's present target.
            unknown: pictures of things that aren't enrolled.
            queries: pictures as they will be asked. Those whose labels are enrolled count as
                labelled; if none are, all count as unlabelled.
            unlabelled: count the queries as unlabelled whatever their labels.
            feedback: count what was said about queries with `confirm` and on the web page, too.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            Method, evidence, target, expected FPIR and TPIR with intervals, date, generation,
            space.

        Raises:
            CalibrationError: the evidence can't carry the target; it is said what would.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from engine.tuning.calibrating import calibrate_gallery  # not needed to recognise

        return calibrate_gallery(
            self.gallery,
            self.features,
            target_fpir=target_fpir,
            unknown=unknown,
            queries=queries,
            unlabelled=unlabelled,
            feedback=feedback,
            progress=progress,
        )

    def recalibrate(self) -> CalibrationReport:
        """Calibrate anew, without more pictures, on the best evidence that is there.

        What people said about queries, where it is enough; else a calibration on pictures that
        were given once stays; else the gallery alone.
        """
        from engine.tuning.calibrating import recalibrate_gallery  # not needed to recognise

        return recalibrate_gallery(self.gallery, self.features)

    def adapt(
        self,
        queries: Source | None = None,
        *,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> SpaceReport:
        """Adapt the searched space, if that is better; labels aren't needed.

        The embeddings stay, the index is made anew, thresholds are recalibrated.
        `gallery.spaces.project(None)` returns to the space of a fresh gallery.

        Args:
            queries: pictures as they will be asked; where they sit is learned as well. Without
                them, the space is learned from changed views of the gallery's kept pictures alone.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            What the guard measured before and after, and whether the new space was kept.

        Raises:
            CalibrationError: there are too few classes, kept pictures or queries.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from engine.tuning.adapting import adapt_to_gallery, adapt_to_pictures  # as above

        if queries is None:
            return adapt_to_gallery(self.gallery, self.embedder, progress)
        return adapt_to_pictures(self.gallery, self.features, queries, progress)

    def train_head(
        self,
        data: Source | None = None,
        *,
        activate: bool = False,
        seed: int = 0,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> HeadReport:
        """Train the Siamese head; it is put in force only if it beats cosine on unseen classes.

        Args:
            data: labelled pictures, two or more a class where the class isn't enrolled; read like
                the queries of `evaluate`. Without them, the gallery's own examples and augmented
                views of them, which alone put no head in force.
            activate: put the head in force whatever comes out.
            seed: the same one trains the same head.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            The figures of cosine and head on held-out classes, with intervals, and the verdict.

        Raises:
            TrainingError: there are too few classes or pictures.
            ImageError, ManifestError: the source can't be read; single pictures are only counted.
        """
        from engine.tuning.heads import train_gallery_head  # not needed to recognise

        return train_gallery_head(
            self.gallery,
            self.features,
            data,
            activate=activate,
            seed=seed,
            progress=progress,
        )

    def remove_head(self) -> bool:
        """Take the searched space's Siamese head out of force for good; whether there was one."""
        snapshot = self.gallery.snapshot()
        if snapshot.kept_head is None:
            return False
        self.gallery.heads.use(None, snapshot.space_id)
        return True
