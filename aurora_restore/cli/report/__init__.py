"""``aurora-restore report``: how the restores of a period went, as one HTML file.

* :mod:`~aurora_restore.cli.report.reading` reads facts; :mod:`~aurora_restore.cli.report.runs` and
  :mod:`~aurora_restore.cli.report.summary` decide from them what there is to say;
* :mod:`~aurora_restore.cli.report.plots` draws, by :mod:`~aurora_restore.cli.report.charts`;
* :mod:`~aurora_restore.cli.report.page` puts the file together.

The plots are SVG elements that are made here, without a library. A page of five simple plots needs
little more than two scales and some rectangles; what a library draws could not follow the reader's
colours or the width of a phone, and brings fonts, scripts or compiled code with it.
"""
