"""Calibration as a job."""

from __future__ import annotations

from engine.catalog.service import JobRecord
from engine.gallery.feedback import calibrate_with_feedback
from engine.server.jobs.control import JobControl
from engine.server.service import Service


def run_calibration(service: Service, _job: JobRecord, control: JobControl) -> None:
    """Refresh the statistics of every class and the calibration, by feedback if there is enough."""
    if control.progress(0, 1, control.report):
        calibrate_with_feedback(service.recognizer.gallery)
        control.progress(1, 1, control.report)
