"""Calibration as a job."""

from __future__ import annotations

from engine.catalog.service import JobRecord
from engine.server.jobs.control import JobControl
from engine.server.service import Service


def run_calibration(service: Service, _job: JobRecord, control: JobControl) -> None:
    """Refresh the statistics of every class and the calibration."""
    if control.progress(0, 1, control.report):
        service.recognizer.gallery.calibrate()
        control.progress(1, 1, control.report)
